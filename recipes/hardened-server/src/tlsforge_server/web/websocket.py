"""Sends back each WebSocket message (RFC 6455)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web import resource, server
from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import generate_accept_token
from zope.interface import implementer

from ..config.model import Limits
from ..endpoint.clockwork import Deadlines
from .forward import wants_websocket
from .request import Request

#: Of a message, its fragments together.
MESSAGE_BYTES = 1 << 20


class Echo(resource.Resource):
    """Every path is one and the same echo. The origin is not looked at: there is nothing here to protect from a page."""

    isLeaf = True

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        # Not before: importing it makes it, and the process that only loads this module must have none.
        from twisted.internet import reactor as global_reactor

        reactor: Any = global_reactor
        self._quiet: Deadlines[EchoProtocol] = Deadlines(reactor, limits.idle_seconds, EchoProtocol.nudge)

    def render_GET(self, request: Any) -> bytes | int:
        headers = request.requestHeaders
        key = _key(headers.getRawHeaders(b"Sec-WebSocket-Key", []))
        if not wants_websocket(request, 0) or headers.getRawHeaders(b"Sec-WebSocket-Version") != [b"13"]:
            request.setResponseCode(426)
            request.setHeader(b"Upgrade", b"websocket")
            request.setHeader(b"Sec-WebSocket-Version", b"13")
            request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            return b"This is a WebSocket echo (RFC 6455, version 13).\n"
        if key is None:
            request.setResponseCode(400)
            request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            return b"Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455, section 4.1).\n"
        accept = [(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", generate_accept_token(key))]
        request.channel.switch(accept, EchoProtocol(request, self._quiet))
        return server.NOT_DONE_YET


@implementer(IPushProducer)
class EchoProtocol(Protocol):
    """One connection. A client that does not read is not read from either; one that is quiet is asked whether it is there."""

    transport: Any

    def __init__(self, request: Request, quiet: Deadlines[EchoProtocol]) -> None:
        self._request = request
        self._quiet = quiet
        self._state = Connection(ConnectionType.SERVER)
        self._message = bytearray()
        self._nudged = False
        self._ended = False

    def connectionMade(self) -> None:
        self._quiet.start(self)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        if self._ended:
            return
        self._quiet.start(self)
        self._nudged = False
        self._state.receive_data(data)
        for event in self._state.events():
            self._handle(event)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._quiet.stop(self)

    def _handle(self, event: Event) -> None:
        if self._ended:
            return
        closing = self._state.state is ConnectionState.LOCAL_CLOSING
        if isinstance(event, CloseConnection):
            self._close(event.code)
        elif isinstance(event, Ping) and not closing:
            self._send(event.response())
        elif isinstance(event, (TextMessage, BytesMessage)) and not closing:
            self._collect(event)

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        self._message += event.data.encode() if isinstance(event, TextMessage) else event.data
        if len(self._message) > MESSAGE_BYTES:
            self._close(CloseReason.MESSAGE_TOO_BIG)
        elif event.message_finished:
            message, self._message = self._message, bytearray()
            self._send(TextMessage(message.decode()) if isinstance(event, TextMessage) else BytesMessage(bytes(message)))

    def _close(self, code: int) -> None:
        """Answers a close, or says why there is one, and ends after what was written."""
        if self._state.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            self._send(CloseConnection(code=code))
        self._ended = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _send(self, event: Event) -> None:
        data = bytes(self._state.send(event))
        self._request.sentLength += len(data)
        self.transport.write(data)

    def leave(self) -> None:
        """The server is about to end: the client is to come back to another."""
        if self._state.state is ConnectionState.OPEN:
            self._send(CloseConnection(code=CloseReason.GOING_AWAY))

    def nudge(self) -> None:
        """Nothing has come for a while."""
        if self._nudged or self._state.state is not ConnectionState.OPEN:
            self.transport.abortConnection()
            return
        self._nudged = True
        self._send(Ping())
        self._quiet.start(self)

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost, which its protocol is told."""


def _key(values: list[bytes]) -> bytes | None:
    """The one key of a handshake, when it is one."""
    try:
        return values[0] if len(values) == 1 and len(base64.b64decode(values[0], validate=True)) == 16 else None
    except binascii.Error:
        return None
