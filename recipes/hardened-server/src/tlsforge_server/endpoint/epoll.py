"""Twisted's reactor on epoll, with less between an event and its descriptor: one logging context for all events instead of one that is made
for each, and no round of the main loop while nothing but events wants anything."""

from __future__ import annotations

from select import EPOLLIN
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionFdescWentAway
from twisted.logger import Logger
from twisted.python import context
from twisted.python.log import ILogContext

log = Logger(namespace="tlsforge")

#: epoll_wait(2) counts milliseconds in 31 bits.
_LONGEST_SECONDS = (2**31 - 1) // 1000
_GONE = ConnectionFdescWentAway("Filedescriptor went away")


class ServingReactor(EPollReactor):
    """Each event goes to its descriptor at once; log lines name the connection all the same."""

    def __init__(self) -> None:
        self._whose = _Context()
        set_default: Any = context.setDefault
        set_default(ILogContext, self._whose)
        begin: Any = super().__init__
        begin()

    def mainLoop(self) -> None:
        """Goes round when a call is due, new, or comes from a signal or another thread. Twisted's goes round for every event as well, which
        took some 4 % of the CPU of a handshake."""
        while self._started:
            try:
                self.runUntilCurrent()
                self.doPoll(self.running and self.timeout())
                self._poll_until_due()
            except BaseException:
                log.failure("the event loop goes on after an error of its own")

    def _poll_until_due(self) -> None:
        while self._pendingTimedCalls and self._started and not (self._newTimedCalls or self.threadCallQueue or self._justStopped):
            left = self._pendingTimedCalls[0].time - self.seconds()
            if left <= 0:
                return
            self.doPoll(min(left, _LONGEST_SECONDS))

    def addReader(self, reader: Any) -> None:
        """What Twisted's does for a descriptor that is new, which most are; it does the rest."""
        number = reader.fileno()
        if number not in self._selectables:
            try:
                self._poller.register(number, EPOLLIN)
            except (OSError, ValueError):
                pass  # Twisted's knows what cannot be polled.
            else:
                self._reads.add(number)
                self._selectables[number] = reader
                return
        add: Any = super().addReader
        add(reader)

    def removeReader(self, reader: Any) -> None:
        """What Twisted's does for a descriptor that is only read; it does the rest."""
        number = reader.fileno()
        if self._selectables.get(number) is reader and number in self._reads and number not in self._writes:
            del self._selectables[number]
            self._poller.unregister(number)
            self._reads.remove(number)
            return
        remove: Any = super().removeReader
        remove(reader)

    def doPoll(self, timeout: float | None) -> None:
        whose = self._whose
        selectables: dict[int, Any] = self._selectables
        for number, event in self._poller.poll(-1 if timeout is None else timeout, len(selectables)):
            # One that another event's handler has removed is not there any more.
            whose.selectable = selectable = selectables.get(number)
            if selectable is None:
                continue
            try:
                if event == EPOLLIN:
                    # What ``_doReadOrWrite`` does with the most frequent event.
                    try:
                        why = _GONE if selectable.fileno() == -1 else selectable.doRead()
                    except BaseException as error:
                        why = error
                        log.failure("{whose}: reading failed", whose=_name(selectable))
                    if why:
                        disconnect: Any = self._disconnectSelectable
                        disconnect(selectable, why, True)
                else:
                    handle: Any = self._doReadOrWrite
                    handle(selectable, number, event)
            except KeyboardInterrupt:
                raise
            except BaseException:
                log.failure("{whose}: a connection's end went wrong", whose=_name(selectable))
        whose.selectable = None

    doIteration = doPoll


def _name(selectable: Any) -> str:
    try:
        return str(selectable.logPrefix())
    except Exception:
        return type(selectable).__name__


class _Context(dict[str, Any]):
    """What old-style log lines (``twisted.python.log``) are of: the descriptor whose event is being handled, by its prefix."""

    def __init__(self) -> None:
        super().__init__(isError=0)
        self.selectable: Any = None

    def __missing__(self, key: str) -> str:
        if key != "system":
            raise KeyError(key)
        return "-" if self.selectable is None else _name(self.selectable)

    def copy(self) -> dict[str, Any]:
        return {**self, "system": self["system"]}
