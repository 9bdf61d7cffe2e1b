"""WebSocket frames as a client sends and gets them (RFC 6455, section 5.2)."""

from __future__ import annotations

import struct

from OpenSSL import SSL

HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(payload: bytes, kind: int = BINARY, *, final: bool = True, masked: bool = True, claimed: int | None = None) -> bytes:
    """``claimed`` is a length in the place of the payload's own."""
    length = len(payload) if claimed is None else claimed
    first = bytes([(0x80 if final else 0) | kind])
    short, more = (length, b"") if length < 126 else (126, struct.pack(">H", length)) if length < 1 << 16 else (127, struct.pack(">Q", length))
    size = bytes([(0x80 if masked else 0) | short]) + more
    if not masked:
        return first + size + payload
    # Always the same, so that a test has one name in every run.
    mask = b"\x5a\xc3\x17\xe8"
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return first + size + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


class Frames:
    """The frames that come on a connection, from what was received of it already."""

    def __init__(self, connection: SSL.Connection, received: bytes = b"") -> None:
        self._connection = connection
        self._data = received

    def next(self) -> tuple[int, bytes]:
        """The kind, with 128 for a frame that is the last of its message, and the payload."""
        first, second = self._take(2)
        length = second & 127
        if length > 125:
            length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
        assert not second & 128, "a server does not mask"
        return first, self._take(length)

    def message(self) -> tuple[int, bytes]:
        """The kind of a message, and its fragments together."""
        first, payload = self.next()
        kind = first & 15
        while not first & 128:
            first, more = self.next()
            payload += more
        return kind, payload

    def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            self._data += self._connection.recv(1 << 16)
        taken, self._data = self._data[:count], self._data[count:]
        return taken
