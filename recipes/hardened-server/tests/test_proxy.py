"""The proxy: what passes, what does not, and what happens when either side goes."""

from __future__ import annotations

import hashlib
import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from behinds import Behind
from client import answer, connected, get
from OpenSSL import SSL
from upstreams import OK, Play, Upstream, answering, head

Proxy = Callable[..., int]
QUICK = {"head_seconds": 5.0, "body_seconds": 20.0, "request_seconds": 20.0, "body_bytes": 1 << 40}


@pytest.fixture
def proxy(behind: Callable[..., Behind], document: dict[str, Any], tmp_path: Path) -> Iterator[Proxy]:
    """Starts an upstream and a proxy before it and returns the proxy's port."""
    made: list[Upstream] = []

    def start(*plays: Play, path: Path | None = None, url: str | None = None, log: bool = False, **limits: Any) -> int:
        if url is None:
            made.append(Upstream(*plays, path=path))
            url = made[-1].url
        document["app"] = {"kind": "proxy", "upstream": url}
        document["accessLog"] = log
        (tmp_path / "behind.json").write_text(json.dumps(document))
        running = behind("served", **{**QUICK, **limits})
        start.running = running  # type: ignore[attr-defined]
        start.upstream = made[-1] if made else None  # type: ignore[attr-defined]
        return running.port

    yield start
    for each in made:
        each.close()


def exchange(port: int, request: bytes) -> bytes:
    """Everything that is answered to bytes on a connection, until it closes."""
    with connected(port) as connection:
        connection.sendall(request)
        return rest(connection)


def rest(connection: SSL.Connection) -> bytes:
    data = b""
    while True:
        try:
            data += connection.recv(1 << 16)
        except SSL.ZeroReturnError:
            return data


@pytest.mark.parametrize("unix", [False, True])
def test_a_request_and_its_answer_pass(proxy: Proxy, tmp_path: Path, unix: bool) -> None:
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
    assert len(seen) == 2 and proxy.upstream.accepted == 1, "the connection to the upstream was kept"  # type: ignore[attr-defined]


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


def test_what_could_be_read_in_two_ways_never_reaches_the_upstream(proxy: Proxy) -> None:
    seen: list[bytes] = []
    port = proxy(answering(OK, seen))
    for request in REFUSED:
        reply = exchange(port, request)
        assert reply.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ", b"HTTP/1.1 405 ")), request
        assert b"\r\nConnection: close\r\n" in reply and b"Strict-Transport-Security" in reply
    assert seen == []
    assert exchange(port, b"GET http://other:81/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").endswith(b"ok")
    assert b"GET /x?y HTTP/1.1\r\n" in seen[0] and b"Host: other:81\r\n" in seen[0]


def test_long_heads_are_refused(proxy: Proxy) -> None:
    seen: list[bytes] = []
    port = proxy(answering(OK, seen), header_bytes=2000)
    for request in (b"GET /" + b"x" * 3000, b"GET / HTTP/1.1\r\nX: " + b"x" * 3000, b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 500 + b"\r\n" + (b"Y: " + b"y" * 500 + b"\r\n") * 5):
        assert exchange(port, request + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 150 + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert seen == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_streams_up_while_it_comes(proxy: Proxy, chunked: bool) -> None:
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


PIECE = bytes(range(256)) * 256
PIECES = 4096  # 256 MiB


def test_bodies_of_any_size_take_no_memory(proxy: Proxy) -> None:
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
    before = peak(proxy.running)  # type: ignore[attr-defined]
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
    assert peak(proxy.running) - before < 32 << 20  # type: ignore[attr-defined]


def peak(running: Behind) -> int:
    """The most memory that the process has had, in bytes."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * resource.getpagesize() // 4


def test_who_does_not_read_is_not_read_from(proxy: Proxy) -> None:
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


@pytest.mark.parametrize(("request_line", "reply", "expected"), [
    (b"HEAD / HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"Content-Length: 10\r\n"),
    (b"GET / HTTP/1.1", b"HTTP/1.1 204 No Content\r\n\r\n", b"204 No Content"),
    (b"GET / HTTP/1.1", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"x\"\r\n\r\n", b"Etag: \"x\""),
])
def test_answers_without_a_body(proxy: Proxy, request_line: bytes, reply: bytes, expected: bytes) -> None:
    port = proxy(answering(reply))
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(request_line + b"\r\nHost: a\r\n\r\n")
            received = b""
            while not received.endswith(b"\r\n\r\n"):
                received += connection.recv(1 << 16)
            assert expected.lower() in received.lower() and b"chunked" not in received and b"text/html" not in received


def test_answers_in_chunks_and_without_a_length(proxy: Proxy) -> None:
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


def test_100_continue_is_the_upstreams_to_say(proxy: Proxy) -> None:
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


def test_an_answer_that_comes_before_the_body_is_passed_on(proxy: Proxy) -> None:
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


def test_hints_pass(proxy: Proxy) -> None:
    def hinting(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)

    reply = exchange(proxy(hinting), b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n") and reply.endswith(b"ok")


def test_an_upstream_that_is_not_there_is_a_502(proxy: Proxy, tmp_path: Path) -> None:
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
def test_an_upstream_that_answers_nonsense_is_a_502(proxy: Proxy, nonsense: bytes) -> None:
    def play(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(nonsense)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    port = proxy(play)
    with connected(port) as connection:
        assert get(connection)[0] == 502


def test_a_slow_upstream_is_a_504(proxy: Proxy) -> None:
    def slow(connection: socket.socket) -> None:
        head(connection)
        time.sleep(3)

    port = proxy(slow, request_seconds=0.5)
    with connected(port) as connection:
        began = time.monotonic()
        assert get(connection)[0] == 504
        assert 0.4 < time.monotonic() - began < 2


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_that_breaks_off_is_cut_and_not_ended(proxy: Proxy, framing: bytes) -> None:
    import struct

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


def test_a_client_that_goes_ends_the_request_to_the_upstream(proxy: Proxy) -> None:
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


def test_a_kept_connection_that_the_upstream_has_closed_is_made_anew(proxy: Proxy) -> None:
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
    assert proxy.upstream.accepted >= 2  # type: ignore[attr-defined]


def test_pipelined_requests_are_answered_in_order(proxy: Proxy) -> None:
    def echo(connection: socket.socket) -> None:
        while request := head(connection):
            path = request.split()[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path)

    requests = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5))
    reply = exchange(proxy(echo), requests + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    places = [reply.index(b"\r\n\r\n/%d" % number) for number in range(5)] + [reply.index(b"\r\n\r\n/last")]
    assert places == sorted(places)


UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"


def test_a_websocket_passes_as_bytes_both_ways(proxy: Proxy) -> None:
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
        connection.sendall(UPGRADE + b"early")
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


def test_a_websocket_has_back_pressure_and_ends_with_either_side(proxy: Proxy) -> None:
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
        connection.sendall(UPGRADE)
        time.sleep(0.5)
        assert len(rest(connection)) > len(PIECE) * 64, "all of it, before the end"
    with connected(port) as connection:
        connection.sendall(UPGRADE)
        assert answer(connection)[0] == 101
        connection.sendall(PIECE * 64)
        connection.shutdown()
    deadline = time.monotonic() + 5
    while not received or received[0] < len(PIECE) * 64:
        assert time.monotonic() < deadline, received
        time.sleep(0.02)


def test_a_websocket_that_is_refused_is_an_answer(proxy: Proxy) -> None:
    port = proxy(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(UPGRADE)
            assert answer(connection)[::2] == (403, b"no")
