"""The proxy: what passes, and what never does."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from client import answer, connected, exchange, get, rest
from proxied import Proxied
from upstreams import OK, answering, head


@pytest.mark.parametrize("unix", [False, True])
def test_a_request_and_its_answer_pass(proxy: Proxied, tmp_path: Path, unix: bool) -> None:
    seen: list[bytes] = []
    reply = (
        b"HTTP/1.1 201 Made\r\nContent-Length: 5\r\nServer: theirs\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Frame-Options: DENY\r\n"
        b"Strict-Transport-Security: max-age=1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\r\nhello"
    )
    port = proxy(answering(reply, seen), path=tmp_path / "up.sock" if unix else None)
    with connected(port) as connection:
        connection.sendall(
            b"GET /a%20b?c=d HTTP/1.1\r\nHost: www.example.org:444\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-proto: ftp\r\nForwarded: for=6.6.6.6\r\n"
            b"X_Forwarded_For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nConnection: keep-alive, x-secret, Host\r\nX-Secret: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: x\r\nAccept: */*\r\n\r\n"
        )
        status, _headers, body = answer(connection)
        assert (status, body) == (201, b"hello")
        _status, headers, _body = get(connection)
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "GET /a%20b?c=d HTTP/1.1"
    assert sorted(lines[1:]) == ["", "", "Accept: */*", "Host: www.example.org:444", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: www.example.org:444", "X-Forwarded-Proto: https"]
    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in headers and "server" not in headers and "date" in headers
    assert not {"x-hop", "keep-alive", "connection"} & headers.keys()
    assert len(seen) == 2 and proxy.upstream.accepted == 1, "the connection to the upstream was kept"


REFUSED = [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xaa HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET other HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
]


def test_what_could_be_read_in_two_ways_never_reaches_the_upstream(proxy: Proxied) -> None:
    seen: list[bytes] = []
    port = proxy(answering(OK, seen))
    for request in REFUSED:
        reply = exchange(port, request)
        assert reply.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ", b"HTTP/1.1 405 ")), request
        assert b"\r\nConnection: close\r\n" in reply and b"Strict-Transport-Security" in reply
    assert seen == []
    assert exchange(port, b"GET http://other:81/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").endswith(b"ok")
    assert b"GET /x?y HTTP/1.1\r\n" in seen[0] and b"Host: other:81\r\n" in seen[0]


def test_long_heads_are_refused(proxy: Proxied) -> None:
    seen: list[bytes] = []
    port = proxy(answering(OK, seen), header_bytes=2000)
    for request in (b"GET /" + b"x" * 3000, b"GET / HTTP/1.1\r\nX: " + b"x" * 3000, b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 500 + b"\r\n" + (b"Y: " + b"y" * 500 + b"\r\n") * 5):
        assert exchange(port, request + b"\r\n\r\n").startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 150 + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert seen == []


@pytest.mark.parametrize(("request_line", "reply", "expected"), [
    (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"Content-Length: 10\r\n"),
    (b"GET / HTTP/1.1", b"HTTP/1.1 204 No Content\r\n\r\n", b"204 No Content"),
    (b"GET / HTTP/1.1", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"x\"\r\n\r\n", b"Etag: \"x\""),
])
def test_answers_without_a_body(proxy: Proxied, request_line: bytes, reply: bytes, expected: bytes) -> None:
    port = proxy(answering(reply))
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(request_line + b"\r\nHost: a\r\n\r\n")
            received = b""
            while not received.endswith(b"\r\n\r\n"):
                received += connection.recv(1 << 16)
            assert expected.lower() in received.lower() and b"chunked" not in received and b"text/html" not in received


def test_answers_in_chunks_and_without_a_length(proxy: Proxied) -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"

    def ending(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(endless)

    port = proxy(answering(chunks), ending)
    with connected(port) as connection:
        for method, body in ((b"GET", b"5\r\nhello\r\n0\r\n\r\n"), (b"DELETE", b"d\r\nuntil the end\r\n0\r\n\r\n")):
            connection.sendall(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
            received = b""
            while not received.endswith(b"0\r\n\r\n"):
                received += connection.recv(1 << 16)
            assert received.endswith(b"\r\n\r\n" + body) and b"X-T" not in received
    assert exchange(port, b"DELETE / HTTP/1.0\r\nHost: a\r\n\r\n").endswith(b"\r\n\r\nuntil the end")


def test_100_continue_is_the_upstreams_to_say(proxy: Proxied) -> None:
    seen: list[bytes] = []

    def willing(connection: socket.socket) -> None:
        seen.append(head(connection))
        time.sleep(0.3)
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.recv(4) == b"body"
        connection.sendall(OK)

    def unwilling(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)

    port = proxy(willing, unwilling)
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with connected(port) as connection:
        began = time.monotonic()
        connection.sendall(request)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n" and time.monotonic() - began > 0.25
        connection.sendall(b"body")
        assert answer(connection)[2] == b"ok"
    assert b"Expect: 100-continue" in seen[0]
    reply = exchange(port, request)
    assert reply.startswith(b"HTTP/1.1 417 No\r\n") and b"Connection: close" in reply and b"100 Continue" not in reply


def test_an_answer_that_comes_before_the_body_is_passed_on(proxy: Proxied) -> None:
    def early(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 413 Too much\r\nContent-Length: 3\r\n\r\nno!")
        while connection.recv(1 << 16):
            pass

    port = proxy(early)
    with connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000))
        time.sleep(0.3)
        connection.sendall(bytes(1000))
        status, headers, body = answer(connection)
        assert (status, body, headers["connection"]) == (413, b"no!", "close")
        assert rest(connection) == b""


def test_hints_pass(proxy: Proxied) -> None:
    def hinting(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)

    reply = exchange(proxy(hinting), b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n") and reply.endswith(b"ok")


def test_pipelined_requests_are_answered_in_order(proxy: Proxied) -> None:
    def echo(connection: socket.socket) -> None:
        while request := head(connection):
            path = request.split()[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

    requests = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5))
    reply = exchange(proxy(echo), requests + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    places = [reply.index(b"\r\n\r\n/%d" % number) for number in range(5)] + [reply.index(b"\r\n\r\n/last")]
    assert places == sorted(places)
