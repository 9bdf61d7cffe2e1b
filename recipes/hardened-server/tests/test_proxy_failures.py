"""The proxy when the upstream is not there, fails or is slow, and when either side goes."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import pytest
from client import answer, connected, get, rest
from OpenSSL import SSL
from proxied import Proxied
from upstreams import OK, answering, head


def test_an_upstream_that_is_not_there_is_a_502(proxy: Proxied, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        url = f"http://127.0.0.1:{holder.getsockname()[1]}"
    for each in (url, f"unix:{tmp_path}/none.sock"):
        with connected(proxy(url=each)) as connection:
            for method, body in (("GET", b""), ("POST", b"x" * 100)):
                status, headers, text = get(connection, method=method, headers=(f"Content-Length: {len(body)}",)) if not body else posted(connection, body)
                assert (status, text) == (502, b"502 Bad Gateway\n") and headers["cache-control"] == "no-store"
                assert "strict-transport-security" in headers


def posted(connection: SSL.Connection, body: bytes) -> tuple[int, dict[str, str], bytes]:
    connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return answer(connection)


@pytest.mark.parametrize("nonsense", [b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000])
def test_an_upstream_that_answers_nonsense_is_a_502(proxy: Proxied, nonsense: bytes) -> None:
    def play(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(nonsense)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    port = proxy(play)
    with connected(port) as connection:
        assert get(connection)[0] == 502


def test_a_slow_upstream_is_a_504(proxy: Proxied) -> None:
    def slow(connection: socket.socket) -> None:
        head(connection)
        time.sleep(3)

    port = proxy(slow, request_seconds=0.5)
    with connected(port) as connection:
        began = time.monotonic()
        assert get(connection)[0] == 504
        assert 0.4 < time.monotonic() - began < 2


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_that_breaks_off_is_cut_and_not_ended(proxy: Proxied, framing: bytes) -> None:
    def breaking(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + (b"5\r\nhello\r\n" if b"chunked" in framing else b"hello"))
        time.sleep(0.2)
        if not framing:
            # Without a length only a reset tells an answer that broke off.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    port = proxy(breaking)
    for version in (b"HTTP/1.1", b"HTTP/1.0"):
        with connected(port) as connection:
            connection.sendall(b"GET / " + version + b"\r\nHost: a\r\n\r\n")
            with pytest.raises((SSL.SysCallError, ConnectionError)):
                rest(connection)


def test_a_client_that_goes_ends_the_request_to_the_upstream(proxy: Proxied) -> None:
    gone: list[float] = []

    def waiting(connection: socket.socket) -> None:
        head(connection)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
        gone.append(time.monotonic())

    port = proxy(waiting)
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        assert gone == []
    deadline = time.monotonic() + 3
    while not gone:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_kept_connection_that_the_upstream_has_closed_is_made_anew(proxy: Proxied) -> None:
    def once(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(OK)
        # Closed when the second request has come, unread.
        connection.recv(1, socket.MSG_PEEK)

    port = proxy(once, answering(OK))
    with connected(port) as connection:
        assert get(connection)[2] == b"ok"
        assert get(connection)[2] == b"ok"
        assert posted(connection, b"")[2] == b"ok", "one that may not be sent twice has a connection of its own, or one that was answered on"
    assert proxy.upstream.accepted >= 2
