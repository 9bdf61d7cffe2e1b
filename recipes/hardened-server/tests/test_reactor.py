"""Twisted's own tests of reactors over the one that serves: calls, times, threads, signals of its life, descriptors."""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("other systems serve with Twisted's own reactor", allow_module_level=True)

from tlsforge_server.endpoint.epoll import ServingReactor
from twisted.internet.abstract import FileDescriptor
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


class _Reader(FileDescriptor):
    """Does what it is given with the second byte: by then the reactor waits for events alone."""

    def __init__(self, reactor: Any, end: socket.socket, second: Any) -> None:
        super().__init__(reactor)
        self._end = end
        self._second = second
        self._seen = 0

    def fileno(self) -> int:
        return self._end.fileno()

    def doRead(self) -> None:
        self._seen += len(self._end.recv(1))
        if self._seen == 2:
            self._second()


def test_a_call_that_an_event_makes_is_in_time() -> None:
    reactor: Any = ServingReactor()
    ours, theirs = socket.socketpair()
    reactor.callLater(20, reactor.stop)
    with ours, theirs:
        reactor.addReader(_Reader(reactor, ours, lambda: reactor.callLater(0.1, reactor.stop)))
        for delay in (0.1, 0.2):
            timer = threading.Timer(delay, theirs.send, (b"x",))
            timer.daemon = True
            timer.start()
        began = time.monotonic()
        reactor.run(installSignalHandlers=False)
        assert time.monotonic() - began < 5
