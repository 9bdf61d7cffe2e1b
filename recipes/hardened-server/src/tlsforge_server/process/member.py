"""One worker, as its supervisor sees it: what it was asked, and whether it has answered."""

from __future__ import annotations

import signal
import socket
from typing import Any, Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, fail

from ..errors import Code, ServerError
from ..timers import cancel
from .channel import Channel, Message

#: Of an answer. A worker may have become a client's by now: what it says is looked at before anything follows from it.
_ANSWER_BYTES = 1 << 16


class Ended(Exception):
    """The worker has ended before it answered."""


class Member:
    """``overdue`` is called when an answer does not come in time, ``hung_up`` when the worker has closed its channel."""

    def __init__(self, reactor: Any, end: socket.socket, *, overdue: Callable[[Member], None], hung_up: Callable[[Member], None]) -> None:
        self.pid: int | None = None
        self.open = self.lost = 0
        self.lockdown: dict[str, str] = {}
        #: Since when, by the reactor's clock.
        self.since: float = reactor.seconds()
        #: Serves, or is about to; one that only tries a configuration does not.
        self.admitted = False
        #: Is to be killed as soon as it is known by its number.
        self.condemned = False
        #: Did not answer in time.
        self.late = False
        #: Is brought to its end.
        self.leaving = False
        #: Has taken its first material.
        self.ready = False
        #: Has closed its channel.
        self.silent = False
        self._reactor = reactor
        self._overdue = overdue
        self._serial = 0
        self._asked: dict[int, tuple[Deferred[None], Any]] = {}
        self._ended: str | None = None
        self._hung_up = hung_up
        self._channel = Channel(reactor, end, self._received, self._lost, most=_ANSWER_BYTES)

    @property
    def waits(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._asked)

    def ask(self, what: Mapping[str, object], descriptors: Sequence[int] = (), *, seconds: float) -> Deferred[None]:
        """Fires when it is in force. Fails with the worker's ServerError, or with ``Ended``."""
        if self._ended is not None:
            return fail(Ended(self._ended))
        self._serial += 1
        answer: Deferred[None] = Deferred()
        try:
            self._channel.send({"serial": self._serial, **what}, descriptors)
        except OSError as error:
            return fail(ServerError("worker-failed", f"a worker cannot be told what it is to be: {error.strerror}"))
        self._asked[self._serial] = (answer, self._reactor.callLater(seconds, self._overdue, self))
        return answer

    def ended(self, how: str) -> None:
        """Nothing comes from it any more."""
        self._ended = how
        self._channel.close()
        asked, self._asked = self._asked, {}
        for answer, clock in asked.values():
            cancel(clock)
            answer.errback(Ended(how))

    def _lost(self) -> None:
        self.silent = True
        self._hung_up(self)

    def _received(self, message: Message, _descriptors: list[int]) -> None:
        error = None if message["error"] is None else _refusal(**message["error"])
        count, lost, lockdown = int(message["open"]), int(message["lost"]), {str(name): str(state) for name, state in message["lockdown"].items()}
        answer, clock = self._asked.pop(message["serial"])
        self.open, self.lost, self.lockdown = count, lost, lockdown
        cancel(clock)
        if error is None:
            self.ready = True
            answer.callback(None)
        else:
            answer.errback(error)


def _refusal(code: Code, message: str, hint: str | None = None, **facts: object) -> ServerError:
    return ServerError(code, str(message), hint, **facts)


def how_ended(code: int) -> str:
    """An exit code in words; negative for a signal."""
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
