"""A connection that has become a WebSocket: bytes both ways between the client and the upstream."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ..endpoint.clockwork import Deadlines
from .request import Request
from .upstream import Line


class Tunnel(Protocol):
    """The client's protocol and the line's user. Each side is read as fast as the other takes it; the end of one, after what it has
    sent, is the end of the other. Without a byte in either direction it is cut."""

    transport: Any

    def __init__(self, request: Request, line: Line, quiet: Deadlines[Tunnel]) -> None:
        self._request = request
        self._channel = request.channel
        self._client_gone = False
        self._line = line
        self._quiet = quiet

    def connectionMade(self) -> None:
        line = self._line
        line.user = self
        self._quiet.start(self)
        self.transport.registerProducer(line.transport, True)
        line.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self._quiet.start(self)
        self._line.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # It goes on until the upstream has taken what is left, or the time is over.
        self._client_gone = True
        self._line.transport.unregisterProducer()
        self._line.transport.loseConnection()

    def received(self, data: bytes) -> None:
        self._quiet.start(self)
        self._request.sentLength += len(data)
        self.transport.write(data)

    def lost(self, reason: Failure) -> None:
        self._quiet.stop(self)
        if not self._client_gone:
            self.transport.unregisterProducer()
            # The channel's way of it has a deadline, for a client that does not take what is left.
            self._channel.loseConnection()

    def cut(self) -> None:
        self._line.transport.abortConnection()
        self.transport.abortConnection()
