"""A reactor of its own, running in a thread while tests ask it for things: the process's cannot run twice, and others use it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet import reactor as _global
from twisted.internet.threads import blockingCallFromThread


@pytest.fixture(scope="module")
def reactor() -> Iterator[Any]:
    own: Any = type(_global)()
    thread = threading.Thread(target=own.run, kwargs={"installSignalHandlers": False}, daemon=True)
    started = threading.Event()
    own.callWhenRunning(started.set)
    thread.start()
    assert started.wait(10)
    yield own
    own.callFromThread(own.stop)
    thread.join(10)
    assert not thread.is_alive()


def run(reactor: Any, work: Callable[..., Any], *arguments: Any) -> Any:
    """What the work gives, or its Deferred in the end, done on the reactor's thread. Raises what it fails with."""
    return blockingCallFromThread(reactor, work, *arguments)
