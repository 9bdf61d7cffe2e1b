"""The whole of a request has its time, whoever is slow: the client that sends, the client that reads, the upstream."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from behinds import Behind
from client import answer, connected, get
from OpenSSL import SSL
from proxied import Proxied
from upstreams import OK, head

Served = Callable[..., Behind]
CUT = (SSL.SysCallError, ConnectionError, SSL.ZeroReturnError)


def seconds_until_cut(connection: SSL.Connection, each: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(CUT):
        while time.monotonic() - began < 6:
            each()
            time.sleep(0.05)
    return time.monotonic() - began


def test_a_client_that_reads_slowly_has_as_long_as_a_request(served: Served, tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "huge").touch()
    os.truncate(tmp_path / "www" / "huge", 1 << 30)
    port = served({"kind": "static", "directory": str(tmp_path / "www")}, request_seconds=1.0, stall_seconds=5.0).port
    with connected(port) as connection:
        connection.sendall(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
        # Fast enough never to stall.
        time.sleep(0.8)
        assert connection.recv(1 << 14)
        began = time.monotonic()
        received = 0
        with pytest.raises(CUT):
            while time.monotonic() - began < 6:
                received += len(connection.recv(1 << 14))
                time.sleep(0.002)
        assert received < 64 << 20


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_drips_is_cut(proxy: Proxied, chunked: bool) -> None:
    gone: list[bool] = []

    def taking(connection: socket.socket) -> None:
        head(connection)
        try:
            while connection.recv(100):
                pass
        except ConnectionResetError:
            pass
        gone.append(True)

    with connected(proxy(taking, body_seconds=0.6)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + (b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 9999") + b"\r\n\r\n")
        piece = b"1\r\nx\r\n" if chunked else b"x"
        assert 0.5 < seconds_until_cut(connection, lambda: connection.sendall(piece)) < 2
    time.sleep(0.2)
    assert gone, "the upstream is told"


def test_an_answer_that_drips_is_cut(proxy: Proxied) -> None:
    def dripping(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    with connected(proxy(dripping, request_seconds=0.6)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert 0.5 < seconds_until_cut(connection, lambda: connection.recv(100)) < 2


def test_an_upstream_that_does_not_take_the_body_is_a_504(proxy: Proxied) -> None:
    def deaf(connection: socket.socket) -> None:
        head(connection)
        time.sleep(4)

    def send(connection: SSL.Connection) -> None:
        try:
            connection.sendall(bytes(64 << 20))
        except (SSL.Error, OSError):
            pass

    with connected(proxy(deaf, body_seconds=0.6)) as connection:
        began = time.monotonic()
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        sender = Thread(target=send, args=(connection,), daemon=True)
        sender.start()
        sender.join(5)
        assert not sender.is_alive()
        assert 0.5 < time.monotonic() - began < 4
        assert answer(connection)[0] == 504


def test_a_second_request_has_its_own_time(proxy: Proxied) -> None:
    def leisurely(connection: socket.socket) -> None:
        while head(connection):
            time.sleep(0.4)
            connection.sendall(OK)

    with connected(proxy(leisurely, request_seconds=0.7)) as connection:
        for _ in range(3):
            assert get(connection)[0] == 200


def test_pipelined_requests_have_a_time_each_and_are_not_all_read_ahead(proxy: Proxied) -> None:
    answered: list[int] = []

    def leisurely(connection: socket.socket) -> None:
        while head(connection):
            time.sleep(0.1)
            answered.append(1)
            connection.sendall(OK)

    with connected(proxy(leisurely, request_seconds=0.5)) as connection:
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.sendall(request * 8)
        for _ in range(8):
            received = b""
            while not received.endswith(b"ok"):
                received += connection.recv(1)
        # Far more than is worth reading while one is answered.
        sent = [0]

        def flood() -> None:
            try:
                for _ in range(1000):
                    connection.sendall(request * 1000)
                    sent[0] += len(request) * 1000
            except (SSL.Error, OSError):
                pass

        Thread(target=flood, daemon=True).start()
        time.sleep(1)
        assert sent[0] < 16 << 20 and len(answered) < 8 + 15
        with socket.socket(fileno=os.dup(connection.fileno())) as tcp:
            tcp.shutdown(socket.SHUT_RDWR)
        time.sleep(0.2)


def test_a_body_that_nobody_reads_is_bounded_by_its_time(served: Served) -> None:
    """Of an application that looks at heads only: what comes is dropped."""
    with connected(served({"kind": "about"}, body_seconds=0.6, body_bytes=1 << 40).port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        assert 0.5 < seconds_until_cut(connection, lambda: connection.sendall(bytes(1000))) < 2
    with connected(served({"kind": "about"}).port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert answer(connection)[0] == 405
