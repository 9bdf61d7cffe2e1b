"""Web applications as anybody writes them on Twisted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import Protocol
from twisted.web import resource, server, static

reactor: Any = global_reactor
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class _Upload(resource.Resource):
    def render_POST(self, request: Any) -> bytes:
        return hashlib.sha256(request.content.read()).hexdigest().encode()


class _Stream(resource.Resource):
    """Pieces over several turns of the reactor."""

    def render_GET(self, request: Any) -> int:
        def piece(number: int) -> None:
            request.write(b"%d\n" % number)
            if number == 20:
                request.finish()
            else:
                reactor.callLater(0.005, piece, number + 1)

        piece(1)
        return server.NOT_DONE_YET


class _Secure(resource.Resource):
    def render_GET(self, request: Any) -> bytes:
        return f"{request.isSecure()} {request.getClientAddress().host}".encode()


def make_web() -> server.Site:
    root: Any = resource.Resource()
    root.putChild(b"big", static.Data(bytes(range(256)) * (1 << 14), "application/octet-stream"))
    root.putChild(b"upload", _Upload())
    root.putChild(b"stream", _Stream())
    root.putChild(b"secure", _Secure())
    return server.Site(root)


class WebSocketEcho(Protocol):
    """RFC 6455 as far as an echo needs it: the upgrade, then masked frames back without a mask."""

    transport: Any
    _open = False
    _data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            head, found, rest = self._data.partition(b"\r\n\r\n")
            if not found:
                return
            key = next(line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
            self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            self._open, self._data = True, rest
        while frame := self._frame():
            first, payload = frame
            length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
            self.transport.write(bytes([first]) + length + payload)
            if first & 15 == 8:
                self.transport.loseConnection()

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 6:
            return None
        length, start = data[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        mask, begin = data[start : start + 4], start + 4
        if len(data) < begin + length:
            return None
        self._data = data[begin + length :]
        return data[0], bytes(each ^ mask[index % 4] for index, each in enumerate(data[begin : begin + length]))
