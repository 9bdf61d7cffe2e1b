"""Twisted's own tests of reactors over the one that serves: calls, times, threads, signals of its life, descriptors."""

from __future__ import annotations

import sys
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("other systems serve with Twisted's own reactor", allow_module_level=True)

from twisted.internet.test import test_core, test_fdset, test_threads, test_time


class _Descriptors(test_fdset.ReactorFDSetTestsBuilder):
    #: Twisted leaves it out for epoll by the reactor's name: what is closed leaves the set without a word.
    test_lostFileDescriptor = None


for _suite in (
    test_core.SystemEventTestsBuilder,
    _Descriptors,
    test_threads.ThreadTestsBuilder,
    test_time.TimeTestsBuilder,
):
    _made: Any = type(_suite.__name__, (_suite,), {"_reactors": ["tlsforge_server.endpoint.epoll.ServingReactor"], "timeout": 20})
    globals().update(_made.makeTestCaseClasses())
