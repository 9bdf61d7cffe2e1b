"""Time for many connections at once: deadlines of one length, and turns that are taken when the reactor comes round again."""

from __future__ import annotations

from typing import Any, Callable, Generic, Protocol, TypeVar

from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger(namespace="tlsforge")
Item = TypeVar("Item")


class Deadlines(Generic[Item]):
    """Items that have the same time, from when they were started. They come due in the order in which they started, so that one timer
    does for all, and starting and stopping cost no more than an entry of a dictionary."""

    def __init__(self, reactor: Any, seconds: float, late: Callable[[Item], None]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._late = late
        self._due: dict[Item, float] = {}
        self._timer: Any = None

    def start(self, item: Item) -> None:
        """From now; one that was started before starts anew."""
        if item in self._due:
            del self._due[item]
        self._due[item] = self._reactor.seconds() + self._seconds
        if self._timer is None:
            self._timer = self._reactor.callLater(self._seconds, self._ring)

    def stop(self, item: Item) -> None:
        self._due.pop(item, None)

    def close(self) -> None:
        """Nothing comes due any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __contains__(self, item: Item) -> bool:
        return item in self._due

    def _ring(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        late = []
        for item, due in self._due.items():
            if due > now:
                self._timer = self._reactor.callLater(due - now, self._ring)
                break
            late.append(item)
        for item in late:
            if self._due.pop(item, None) is None:
                continue
            try:
                self._late(item)
            except Exception:
                # The others' time is over all the same.
                log.failure("what is late could not be ended")


class TakesTurns(Protocol):
    def turn(self) -> None: ...

    def connectionLost(self, reason: Failure) -> None: ...


class Turns:
    """Those that have something to do outside of whatever runs now: when the reactor comes round again, or so much later, all together. What
    goes wrong in a turn is its connection's end and nobody else's."""

    def __init__(self, reactor: Any, seconds: float = 0) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._waiting: dict[TakesTurns, None] = {}
        self._timer: Any = None

    def add(self, item: TakesTurns) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(self._seconds, self._run)
        self._waiting[item] = None

    def hasten(self) -> None:
        """Those that wait have their turn now."""
        if self._timer is not None:
            self._timer.cancel()
            self._run()

    def close(self) -> None:
        """Nobody has a turn any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        waiting, self._waiting = self._waiting, {}
        for item in waiting:
            try:
                item.turn()
            except BaseException:
                failure = Failure()
                log.failure("a connection ends with an error of its application", failure)
                try:
                    item.connectionLost(failure)
                except Exception:
                    log.failure("an application that is told of its connection's end fails again")
