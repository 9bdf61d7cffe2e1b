"""The TLS endpoint: where accepted sockets become protected connections. The one interface that another implementation has to fill.

Twisted's own TLS layer does the work here. What it lacks is added: a deadline for the handshake, caps on connections, and a context
that can be exchanged while connections live.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol as Interface

from OpenSSL import SSL
from twisted.internet.interfaces import IAddress, IHandshakeListener, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer


@dataclass(frozen=True)
class Limits:
    """Seconds are from the event named; a connection that is late is cut. Connections beyond a cap are closed at once."""

    #: From the accept to the end of the handshake.
    handshake_seconds: float = 10.0
    #: From the first moment a request may come to the end of its head.
    head_seconds: float = 15.0
    #: From the end of a request's head to the end of its body.
    body_seconds: float = 60.0
    #: Between requests of one connection.
    idle_seconds: float = 30.0
    #: Without the client taking what is written to it, or answering that the connection is closed.
    stall_seconds: float = 60.0
    #: From the request to close for those still open.
    drain_seconds: float = 5.0
    #: Of these, for a connection to come with its first request: who has just been accepted is about to ask.
    first_request_seconds: float = 1.0
    connections: int = 10_000
    connections_per_address: int = 1_000
    body_bytes: int = 1 << 20


class Endpoint(Interface):
    """Makes TLS servers of plain protocol factories."""

    def protect(self, factory: Any) -> CapFactory:
        """A factory for accepted TCP connections; ``factory`` sees the plain text."""

    def exchange(self, context: SSL.Context) -> None:
        """New connections are made from this context; those that live keep theirs."""


@implementer(IOpenSSLServerConnectionCreator)
class _Current:
    """Makes connections from whatever context is current."""

    def __init__(self, context: SSL.Context) -> None:
        self.context = context

    def serverConnectionForTLS(self, _protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self.context, None)


class TwistedEndpoint:
    """The endpoint on Twisted's memory BIO protocol."""

    def __init__(self, context: SSL.Context, limits: Limits, reactor: Any) -> None:
        self._current = _Current(context)
        self._limits = limits
        self._reactor = reactor

    def protect(self, factory: Any) -> CapFactory:
        guarded: Any = _HandshakeFactory(factory, self._limits.handshake_seconds, self._reactor)
        current: Any = self._current
        secured = TLSMemoryBIOFactory(current, False, guarded, self._reactor)
        return CapFactory(secured, self._limits)

    def exchange(self, context: SSL.Context) -> None:
        self._current.context = context


@implementer(IHandshakeListener)
class _HandshakeGuard(ProtocolWrapper):
    """Between TLS and the application: cuts connections whose handshake does not end in time."""

    _deadline: Any = None

    def makeConnection(self, transport: Any) -> None:
        self._deadline = self.factory.reactor.callLater(self.factory.seconds, self._late)
        super().makeConnection(transport)

    def handshakeCompleted(self) -> None:
        self._cancel()
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._cancel()
        super().connectionLost(reason)

    def _late(self) -> None:
        self._deadline = None
        transport = self.transport
        assert transport is not None
        transport.abortConnection()

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _HandshakeFactory(WrappingFactory[_HandshakeGuard]):
    protocol = _HandshakeGuard
    noisy = False

    def __init__(self, wrapped: Any, seconds: float, reactor: Any) -> None:
        super().__init__(wrapped)
        self.seconds = seconds
        self.reactor = reactor


class _Counted(ProtocolWrapper):
    """Outermost: gives its place back when it is lost."""

    address = ""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.release(self)
        super().connectionLost(reason)


class CapFactory(WrappingFactory[_Counted]):
    """Refuses connections beyond the caps, in all and per address, and knows which are open."""

    protocol = _Counted
    noisy = False

    def __init__(self, wrapped: Any, limits: Limits) -> None:
        super().__init__(wrapped)
        self._limits = limits
        self._by_address: Counter[str] = Counter()
        self.refused = 0

    def buildProtocol(self, addr: IAddress | None) -> Any:
        host = str(getattr(addr, "host", ""))
        if self._by_address.total() >= self._limits.connections or self._by_address[host] >= self._limits.connections_per_address:
            self.refused += 1
            return None
        built = super().buildProtocol(addr)
        if isinstance(built, _Counted):
            built.address = host
            self._by_address[host] += 1
        return built

    def release(self, protocol: _Counted) -> None:
        self._by_address[protocol.address] -= 1
        if self._by_address[protocol.address] <= 0:
            del self._by_address[protocol.address]

    @property
    def open(self) -> int:
        return self._by_address.total()

    def abort_all(self) -> None:
        for protocol in list(self.protocols):
            transport = protocol.transport
            if transport is not None:
                transport.abortConnection()


