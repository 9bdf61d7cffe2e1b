"""Twisted's own tests of reactors over the one that serves: calls, times, threads, signals of its life, descriptors."""

from __future__ import annotations

import sys
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("other systems serve with Twisted's own reactor", allow_module_level=True)

from twisted.internet.test import test_core, test_fdset, test_threads, test_time

#: Left out by Twisted for epoll, which it knows by its reactor's name: what is closed leaves the set without a word.
_LEFT_OUT = {"test_lostFileDescriptor": None}

for _suite in (
    test_core.SystemEventTestsBuilder,
    test_fdset.ReactorFDSetTestsBuilder,
    test_threads.ThreadTestsBuilder,
    test_time.TimeTestsBuilder,
):
    _made: Any = type(_suite.__name__, (_suite,), {"_reactors": ["tlsforge_server.endpoint.epoll.ServingReactor"], "timeout": 20, **_LEFT_OUT})
    globals().update(_made.makeTestCaseClasses())
