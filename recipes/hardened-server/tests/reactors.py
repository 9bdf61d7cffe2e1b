"""The reactor of the process, running in a thread of its own while tests ask it for things."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.threads import blockingCallFromThread

_running: list[threading.Thread] = []


@pytest.fixture
def reactor() -> Iterator[Any]:
    """Runs from the first test that wants it to the end of the process: a reactor cannot run twice."""
    real: Any = _reactor
    if not _running:
        started = threading.Event()
        real.callWhenRunning(started.set)
        _running.append(threading.Thread(target=real.run, kwargs={"installSignalHandlers": False}, daemon=True))
        _running[0].start()
        assert started.wait(10)
    yield real


def run(reactor: Any, work: Callable[..., Any], *arguments: Any) -> Any:
    """What the work gives, or its Deferred in the end, done on the reactor's thread. Raises what it fails with."""
    return blockingCallFromThread(reactor, work, *arguments)
