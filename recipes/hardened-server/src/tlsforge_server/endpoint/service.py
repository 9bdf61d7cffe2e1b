"""The TLS endpoint: where accepted sockets become protected connections. The one interface that another implementation has to fill.

Ours has OpenSSL read and write the sockets (``connection``). What is asked of any: a deadline for the handshake, caps on connections,
bounds for peers that do not read, and a context that can be exchanged while connections live.
"""

from __future__ import annotations

import os
import socket
from typing import Any, Protocol as Interface

from OpenSSL import SSL
from twisted.internet.protocol import connectionDone

from ..config.model import Limits
from .caps import Caps
from .clockwork import Deadlines, Turns
from .connection import Connection
from .port import Port
from .transport import TlsTransport

#: Peers that are near have ended their side by then. To look for that once, at all of them together, costs less than an event for each.
_END_SECONDS = 0.01


class Accepting(Interface):
    """Takes connections until it is told to stop; those that it has taken go on."""

    def stopListening(self) -> Any: ...


class Service(Interface):
    """The connections of one protocol factory, whichever sockets they came from."""

    @property
    def open(self) -> int:
        """How many there are, those whose handshake is not done among them."""

    def accept(self, listening: socket.socket) -> Accepting:
        """Takes connections from a listening socket, which stays the caller's."""

    def abort_unfinished(self) -> None:
        """Cuts those whose handshake is not done."""

    def abort_all(self) -> None:
        """Cuts every connection."""


class Endpoint(Interface):
    """Makes TLS servers of plain protocol factories."""

    def protect(self, factory: Any) -> Service:
        """A service in which ``factory``'s protocols see the plain text."""

    def exchange(self, context: SSL.Context) -> None:
        """New connections are made from this context; those that live keep theirs."""


class SocketEndpoint:
    """The endpoint on OpenSSL's own reading and writing of sockets."""

    def __init__(self, context: SSL.Context, limits: Limits, reactor: Any) -> None:
        self.context = context
        self._limits = limits
        self._reactor = reactor

    def protect(self, factory: Any) -> TlsService:
        return TlsService(self, factory, self._limits, self._reactor)

    def exchange(self, context: SSL.Context) -> None:
        self.context = context


class TlsService:
    """One factory behind the endpoint."""

    def __init__(self, endpoint: SocketEndpoint, factory: Any, limits: Limits, reactor: Any) -> None:
        self.reactor = reactor
        self.factory = factory
        self.handshakes: Deadlines[Connection] = Deadlines(reactor, limits.handshake_seconds, Connection.cut)
        self.stalls: Deadlines[Connection] = Deadlines(reactor, limits.stall_seconds, Connection.cut)
        self.turns = Turns(reactor)
        self.ends = Turns(reactor, _END_SECONDS)
        self._endpoint = endpoint
        self._caps = Caps(limits.connections, limits.connections_per_address)
        self._connections: set[Connection] = set()

    @property
    def context(self) -> SSL.Context:
        return self._endpoint.context

    @property
    def open(self) -> int:
        return self._caps.open

    def accept(self, listening: socket.socket) -> Port:
        port = Port(self.reactor, listening, self.factory, self._accepted)
        port.startListening()
        return port

    def abort_unfinished(self) -> None:
        for connection in [each for each in self._connections if each in self.handshakes]:
            connection.cut()

    def abort_all(self) -> None:
        for connection in list(self._connections):
            connection.cut()

    def close(self) -> None:
        """Closes every connection and leaves no deadline with the reactor."""
        for connection in list(self._connections):
            connection.connectionLost(connectionDone)
        for each in (self.handshakes, self.stalls, self.turns, self.ends):
            each.close()

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._caps.give(connection.peer[0])

    def _accepted(self, number: int, peer: tuple[Any, ...]) -> None:
        if not self._caps.take(peer[0]):
            # Places may be held by connections whose end nobody has looked for yet.
            self.ends.hasten()
            if not self._caps.take(peer[0]):
                os.close(number)
                return
        try:
            self._connections.add(TlsTransport(self, number, peer))
        except BaseException:
            os.close(number)
            self._caps.give(peer[0])
            raise
