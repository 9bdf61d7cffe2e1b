"""The proxy passes on as it comes, both ways, and no faster than it is taken."""

from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path
from threading import Thread

import pytest
from behinds import Behind
from client import answer, connected, rest
from frames import HANDSHAKE
from OpenSSL import SSL
from proxied import Proxied
from upstreams import OK, answering, head


PIECE = bytes(range(256)) * 256
PIECES = 4096  # 256 MiB


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_streams_up_while_it_comes(proxy: Proxied, chunked: bool) -> None:
    received: list[bytes] = []

    def play(connection: socket.socket) -> None:
        received.append(head(connection))
        while b"end" not in received[-1]:
            received.append(connection.recv(1 << 16))
        connection.sendall(OK)

    port = proxy(play)
    with connected(port) as connection:
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 8"
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + (b"5\r\nfirst\r\n" if chunked else b"first"))
        deadline = time.monotonic() + 5
        while not any(b"first" in each for each in received):
            assert time.monotonic() < deadline, "the upstream had to wait for the end of the body"
            time.sleep(0.01)
        connection.sendall(b"3\r\nend\r\n0\r\nX-Trailer: 1\r\n\r\n" if chunked else b"end")
        assert answer(connection)[2] == b"ok"
    assert (b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 8") in received[0]
    assert b"Trailer" not in b"".join(received)


def test_bodies_of_any_size_take_no_memory(proxy: Proxied) -> None:
    total = len(PIECE) * PIECES

    def play(connection: socket.socket) -> None:
        request, digest, left = head(connection), hashlib.sha256(), total
        if request.startswith(b"POST"):
            while left:
                data = connection.recv(1 << 18)
                assert data
                digest.update(data)
                left -= len(data)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest.hexdigest().encode())
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
            for _ in range(PIECES):
                connection.sendall(PIECE)

    port = proxy(play, body_seconds=100, request_seconds=100)
    expected = hashlib.sha256(PIECE * PIECES).hexdigest()
    before = peak(proxy.running)
    with connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % total)
        for _ in range(PIECES):
            connection.sendall(PIECE)
        assert answer(connection)[2].decode() == expected
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        digest, left = hashlib.sha256(), total
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(1 << 16)
        data = data.partition(b"\r\n\r\n")[2]
        while True:
            digest.update(data)
            left -= len(data)
            if not left:
                break
            data = connection.recv(1 << 16)
    assert digest.hexdigest() == expected
    assert peak(proxy.running) - before < 32 << 20


def peak(running: Behind) -> int:
    """The most memory that the process has had, in bytes."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_who_does_not_read_is_not_read_from(proxy: Proxied) -> None:
    sent = {"up": 0, "down": 0}

    def deaf(connection: socket.socket) -> None:
        head(connection)
        time.sleep(4)

    def eager(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        for _ in range(1 << 14):
            connection.sendall(PIECE)
            sent["down"] += len(PIECE)

    port = proxy(deaf, eager)

    def send(connection: SSL.Connection) -> None:
        try:
            for _ in range(1 << 14):
                connection.sendall(PIECE)
                sent["up"] += len(PIECE)
        except (SSL.Error, OSError):
            pass

    with connected(port) as upward:
        upward.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        Thread(target=send, args=(upward,), daemon=True).start()
        with connected(port) as downward:
            downward.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(1)
            before = dict(sent)
            time.sleep(1)
            assert sent == before, "neither goes on"
            assert 0 < sent["up"] < 32 << 20 and 0 < sent["down"] < 32 << 20
        time.sleep(2.5)


def test_a_websocket_passes_as_bytes_both_ways(proxy: Proxied) -> None:
    seen: list[bytes] = []

    def socketed(connection: socket.socket) -> None:
        seen.append(head(connection))
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst")
        while data := connection.recv(1 << 16):
            connection.sendall(data)
        connection.sendall(b"never seen")

    port = proxy(socketed, request_seconds=1.0, idle_seconds=0.3)
    with connected(port) as connection:
        # What comes with the request is for the WebSocket too.
        connection.sendall(HANDSHAKE + b"early")
        status, headers, rest_ = answer(connection)
        assert status == 101 and headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" and headers["upgrade"].lower() == "websocket"
        while len(rest_) < 10:
            rest_ += connection.recv(100)
        assert rest_ == b"firstearly"
        for number in range(4):
            time.sleep(0.5)  # Longer together than a request may take.
            connection.sendall(b"%d" % number)
            assert connection.recv(10) == b"%d" % number
        began = time.monotonic()
        with pytest.raises((SSL.SysCallError, ConnectionError)):
            connection.recv(1)
        assert 0.7 < time.monotonic() - began < 3, "quiet for as long as a request may take"
    assert b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in seen[0] and b"sec-websocket-key" in seen[0].lower()


def test_a_websocket_has_back_pressure_and_ends_with_either_side(proxy: Proxied) -> None:
    accept = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    received: list[int] = []

    def flood(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(accept + PIECE * 64)

    def take(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(accept)
        time.sleep(1)
        received.append(0)
        while data := connection.recv(1 << 16):
            received[0] += len(data)

    port = proxy(flood, take)
    with connected(port) as connection:
        connection.sendall(HANDSHAKE)
        time.sleep(0.5)
        assert len(rest(connection)) > len(PIECE) * 64, "all of it, before the end"
    with connected(port) as connection:
        connection.sendall(HANDSHAKE)
        assert answer(connection)[0] == 101
        connection.sendall(PIECE * 64)
        connection.shutdown()
    deadline = time.monotonic() + 5
    while not received or received[0] < len(PIECE) * 64:
        assert time.monotonic() < deadline, received
        time.sleep(0.02)


def test_a_client_that_does_not_end_after_its_websocket_has_is_cut(proxy: Proxied) -> None:
    def ending(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbye")

    port = proxy(ending, stall_seconds=0.5)
    with connected(port) as connection:
        connection.sendall(HANDSHAKE)
        assert rest(connection).endswith(b"bye")
        theirs = connection.getsockname()[1]
        assert is_held(port, theirs), "it waits for the client's end"
        deadline = time.monotonic() + 10
        while is_held(port, theirs):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def is_held(port: int, client: int) -> bool:
    """Whether a process still has the connection that leads from the client's port."""
    ends = f"0100007F:{port:04X} 0100007F:{client:04X}"
    return any(ends in line and line.split()[9] != "0" for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines())


def test_a_websocket_that_is_refused_is_an_answer(proxy: Proxied) -> None:
    port = proxy(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(HANDSHAKE)
            assert answer(connection)[::2] == (403, b"no")
