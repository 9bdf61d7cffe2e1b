"""Connections to the server behind the proxy, and those of them that are kept for the next request."""

from __future__ import annotations

import ipaddress
from typing import Any, Protocol as Interface

import h11
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..config.model import Upstream
from ..endpoint.clockwork import Deadlines

log = Logger(namespace="tlsforge")

_CONNECT_SECONDS = 5.0
#: Kept open without a request: shorter than what servers commonly wait themselves.
_KEEP_SECONDS = 4.0
_MOST_KEPT = 32
_HEAD_BYTES = 1 << 16


class User(Interface):
    """Who has a line."""

    def received(self, data: bytes) -> None: ...

    def lost(self, reason: Failure) -> None: ...


class Line(Protocol):
    """One connection, ``http`` its state in the protocol."""

    transport: Any
    user: User | None = None

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        if self.user is None:
            # Nobody has asked.
            self.drop()
        else:
            self.user.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lines.forget(self)
        user, self.user = self.user, None
        if user is not None:
            user.lost(reason)

    def release(self) -> None:
        """Its user is done with it: keeps it for the next when it can have one."""
        self.user = None
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
            self._lines.keep(self)
        else:
            self.drop()

    def drop(self) -> None:
        self.user = None
        self.transport.abortConnection()


class Lines:
    """The connections to one upstream."""

    def __init__(self, upstream: Upstream, reactor: Any) -> None:
        self._name = str(upstream)
        self._endpoint = _endpoint(upstream, reactor)
        self._kept: list[Line] = []
        self._keeping: Deadlines[Line] = Deadlines(reactor, _KEEP_SECONDS, Line.drop)
        self._down = False

    def take(self) -> Line | None:
        """A connection that was kept. The upstream may be closing it at this moment."""
        if not self._kept:
            return None
        line = self._kept.pop()
        self._keeping.stop(line)
        return line

    def connect(self) -> Deferred[Line]:
        factory: Any = Factory.forProtocol(lambda: Line(self))
        factory.noisy = False
        connected: Deferred[Line] = self._endpoint.connect(factory)
        return connected.addCallbacks(self._reached, self._not_reached)

    def keep(self, line: Line) -> None:
        if len(self._kept) >= _MOST_KEPT:
            line.drop()
            return
        # Paused, it would not be seen to close.
        line.transport.resumeProducing()
        self._kept.append(line)
        self._keeping.start(line)

    def forget(self, line: Line) -> None:
        self._keeping.stop(line)
        if line in self._kept:
            self._kept.remove(line)

    def _reached(self, line: Line) -> Line:
        if self._down:
            self._down = False
            log.info("the upstream {name} can be reached again", name=self._name)
        return line

    def _not_reached(self, failure: Failure) -> Failure:
        # Once, not for each request.
        if not self._down:
            self._down = True
            log.error("the upstream {name} cannot be reached: {why}", name=self._name, why=failure.getErrorMessage())
        return failure


def _endpoint(upstream: Upstream, reactor: Any) -> Any:
    if upstream.socket is not None:
        return UNIXClientEndpoint(reactor, str(upstream.socket), timeout=_CONNECT_SECONDS)
    try:
        kind = TCP6ClientEndpoint if ipaddress.ip_address(upstream.host).version == 6 else TCP4ClientEndpoint
    except ValueError:
        return HostnameEndpoint(reactor, upstream.host, upstream.port, timeout=_CONNECT_SECONDS)
    return kind(reactor, upstream.host, upstream.port, timeout=_CONNECT_SECONDS)
