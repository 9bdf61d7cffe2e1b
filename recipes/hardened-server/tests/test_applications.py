"""Applications of Twisted, as they are, behind the endpoint: its web server, a WebSocket echo, and a proxy that streams."""

from __future__ import annotations

import hashlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from behinds import Behind
from client import answer, connected, get
from commanded import pattern
from frames import frame
from OpenSSL import SSL

Behinds = Callable[..., Behind]


def test_twisted_web(behind: Behinds) -> None:
    running = behind("web")
    with connected(running.port) as connection:
        for _ in range(2):
            status, headers, body = get(connection, "/big")
            assert (status, body) == (200, bytes(range(256)) * (1 << 14))
        upload = pattern(3_000_000)
        connection.sendall(b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(upload) + upload)
        assert answer(connection)[2].decode() == hashlib.sha256(upload).hexdigest()
        assert get(connection, "/secure")[2] == b"True 127.0.0.1"
        # Several at once: answered one after the other.
        connection.sendall(b"GET /secure HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3 + b"GET /stream HTTP/1.0\r\n\r\n")
        received = b""
        with pytest.raises(SSL.ZeroReturnError):
            while True:
                received += connection.recv(65536)
        assert received.count(b"True 127.0.0.1") == 3
        assert received.endswith(b"".join(b"%d\n" % number for number in range(1, 21)))


def test_a_websocket_echo(behind: Behinds) -> None:
    running = behind("websocket")
    with connected(running.port, alpn=["http/1.1"]) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        status, headers, rest = answer(connection)
        assert (status, rest) == (101, b"")
        assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        for size in (0, 1, 125, 126, 60_000):
            payload = pattern(size)
            connection.sendall(frame(payload))
            expected = (bytes([0x82, size]) if size < 126 else b"\x82\x7e" + struct.pack(">H", size)) + payload
            received = b""
            while len(received) < len(expected):
                received += connection.recv(65536)
            assert received == expected
        connection.sendall(frame(b"\x03\xe8", 8))
        assert connection.recv(100) == b"\x88\x02\x03\xe8"
        with pytest.raises(SSL.ZeroReturnError):
            connection.recv(1)


@pytest.fixture
def upstream() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


def test_a_proxy_streams_both_ways(behind: Behinds, upstream: socket.socket) -> None:
    running = behind(f"proxy:{upstream.getsockname()[1]}")
    data = pattern(10_000_000)
    with connected(running.port) as connection:
        inner, _ = upstream.accept()
        with inner:
            inner.settimeout(10)
            sender = Thread(target=connection.sendall, args=(data,))
            sender.start()
            time.sleep(0.3)
            received = b"".join(iter(lambda: inner.recv(1 << 16) if sender.is_alive() or _ready(inner) else b"", b""))
            sender.join()
            assert received == data
            back = Thread(target=inner.sendall, args=(data,))
            back.start()
            time.sleep(0.3)
            # The client has taken nothing: neither has the proxy, beyond its buffers.
            assert back.is_alive()
            answered = b""
            while len(answered) < len(data):
                answered += connection.recv(65536)
            assert answered == data
            back.join()
        with pytest.raises(SSL.ZeroReturnError):
            connection.recv(1)


def _ready(inner: socket.socket) -> bool:
    """Whether more comes; the socket times out when nothing does."""
    inner.settimeout(0.5)
    try:
        return bool(inner.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
