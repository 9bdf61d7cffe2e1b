"""Twisted's reactor on epoll, with one logging context for all events instead of one that is made for each: that took some 5 % of the CPU of a
handshake."""

from __future__ import annotations

from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger
from twisted.python import context
from twisted.python.log import ILogContext

log = Logger(namespace="tlsforge")


class ServingReactor(EPollReactor):
    """Each event goes to its descriptor at once; log lines name the connection all the same."""

    def __init__(self) -> None:
        self._whose = _Context()
        set_default: Any = context.setDefault
        set_default(ILogContext, self._whose)
        begin: Any = super().__init__
        begin()

    def doPoll(self, timeout: float | None) -> None:
        whose = self._whose
        selectables: dict[int, Any] = self._selectables
        handle: Any = self._doReadOrWrite
        for number, event in self._poller.poll(-1 if timeout is None else timeout, len(selectables)):
            # One that another event's handler has removed is not there any more.
            whose.selectable = selectable = selectables.get(number)
            if selectable is None:
                continue
            try:
                handle(selectable, number, event)
            except KeyboardInterrupt:
                raise
            except BaseException:
                log.failure("{prefix}: a connection's end went wrong", prefix=selectable.logPrefix())
        whose.selectable = None

    doIteration = doPoll


class _Context(dict[str, Any]):
    """What old-style log lines (``twisted.python.log``) are of: the descriptor whose event is being handled, by its prefix."""

    selectable: Any = None

    def __init__(self) -> None:
        super().__init__(isError=0)

    def __missing__(self, key: str) -> str:
        if key != "system":
            raise KeyError(key)
        return "-" if self.selectable is None else str(self.selectable.logPrefix())

    def copy(self) -> dict[str, Any]:
        return {**self, "system": self["system"]}
