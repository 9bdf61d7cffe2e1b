"""Deadlines and caps, with short limits, on a reactor that runs beside the tests."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from client import answer, connected, get
from OpenSSL import SSL
from datetime import UTC, datetime

from tlsforge_server.config import parse as config
from tlsforge_server.process.bounds import fitted
from tlsforge_server.process.serving import Kind, Serving
from tlsforge_server.tls import context
from tlsforge_server.config.model import Limits
from tlsforge_server.tls.libssl import LibSsl
from twisted.internet import reactor as global_reactor
from twisted.internet.threads import blockingCallFromThread

reactor: Any = global_reactor
QUICK = Limits(
    handshake_seconds=0.4, head_seconds=0.4, body_seconds=0.4, idle_seconds=0.6, stall_seconds=0.5, drain_seconds=0.5, body_bytes=1000
)

Serve = Callable[..., int]


@pytest.fixture(scope="module", autouse=True)
def _reactor() -> Iterator[None]:
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    yield
    reactor.callFromThread(reactor.stop)
    thread.join(10)


@pytest.fixture
def serve(document: dict[str, Any], libssl: LibSsl) -> Iterator[Serve]:
    """Starts what a worker does in this process and returns its port; ``kind`` is ``listen`` or ``redirect``."""
    servings: list[Serving] = []
    listening: list[socket.socket] = []

    def start(kind: Kind = "listen", limits: Limits = QUICK) -> int:
        settings = config.parse(json.dumps(document).encode(), "the test")
        credentials = context.build(settings, libssl, datetime.now(UTC))
        serving: Serving = blockingCallFromThread(reactor, Serving, reactor, settings, credentials.context, limits)
        servings.append(serving)
        listening.append(socket.create_server(("127.0.0.1", 0)))
        listening[-1].setblocking(False)
        blockingCallFromThread(reactor, serving.accept, [(kind, listening[-1])])
        return int(listening[-1].getsockname()[1])

    yield start
    for serving in servings:
        blockingCallFromThread(reactor, serving.accept, [])
        for service in serving.services.values():
            blockingCallFromThread(reactor, service.abort_all)
    for each in listening:
        each.close()


def seconds_until_closed(connection: SSL.Connection | socket.socket, send: Callable[[], object] | None = None) -> float:
    """How long the other end keeps a connection, while ``send`` is called every tenth of a second."""
    began = time.monotonic()
    with socket.socket(fileno=os.dup(connection.fileno())) as tcp:
        tcp.settimeout(0.1)
        while time.monotonic() - began < 5:
            try:
                if tcp.recv(65536) == b"":
                    break
            except TimeoutError:
                if send is not None and not _sent(send):
                    break
            except OSError:
                break
    return time.monotonic() - began


def _sent(send: Callable[[], object]) -> bool:
    try:
        send()
    except (OSError, SSL.Error):
        return False
    return True


def test_a_handshake_has_a_deadline(serve: Serve) -> None:
    port = serve()
    with socket.create_connection(("127.0.0.1", port)) as silent:
        assert 0.3 < seconds_until_closed(silent) < 1.5
    with socket.create_connection(("127.0.0.1", port)) as slow:
        hello = iter(bytes.fromhex("16030100f0010000ec0303") + bytes(200))
        assert 0.3 < seconds_until_closed(slow, lambda: slow.sendall(bytes([next(hello)]))) < 1.5


def test_the_head_of_a_request_has_a_deadline_that_bytes_do_not_move(serve: Serve) -> None:
    with connected(serve()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert 0.3 < seconds_until_closed(connection, lambda: connection.sendall(b"x")) < 1.5


def test_a_second_request_has_the_same_deadline(serve: Serve) -> None:
    with connected(serve()) as connection:
        assert get(connection)[0] == 200
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert 0.3 < seconds_until_closed(connection, lambda: connection.sendall(b"X: y\r\n")) < 1.5


def test_plain_http_has_the_same_deadline(serve: Serve) -> None:
    with socket.create_connection(("127.0.0.1", serve("redirect"))) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n")
        assert 0.3 < seconds_until_closed(plain, lambda: plain.sendall(b"X: y\r\n")) < 1.5


def test_a_body_has_a_deadline(serve: Serve) -> None:
    with connected(serve()) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n")
        assert 0.3 < seconds_until_closed(connection, lambda: connection.sendall(b"x")) < 1.5


def test_an_idle_connection_is_closed(serve: Serve) -> None:
    with connected(serve()) as connection:
        assert get(connection)[0] == 200
        began = time.monotonic()
        with pytest.raises(SSL.ZeroReturnError):
            connection.recv(1)
        assert 0.4 < time.monotonic() - began < 1.5
        assert seconds_until_closed(connection) < 1.5, "cut, although this client never answers the closing alert"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(serve: Serve, chunked: bool) -> None:
    with connected(serve()) as connection:
        head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1001"
        body = b"3e9\r\n" + bytes(1001) + b"\r\n" if chunked else b""
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + body)
        assert answer(connection)[0] == 413


def test_connections_are_capped(serve: Serve) -> None:
    port = serve(limits=replace(QUICK, connections=3, handshake_seconds=5))
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    time.sleep(0.1)
    with socket.create_connection(("127.0.0.1", port)) as beyond:
        assert seconds_until_closed(beyond) < 0.5
    for each in held:
        each.close()
    time.sleep(0.2)
    with connected(port) as connection:
        assert get(connection)[0] == 200


def test_a_cap_below_what_the_descriptors_allow_stays() -> None:
    assert fitted(replace(Limits(), connections=3)).connections == 3


def test_connections_of_one_address_are_capped(serve: Serve) -> None:
    port = serve(limits=replace(QUICK, connections_per_address=2, handshake_seconds=5))
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    time.sleep(0.1)
    with socket.create_connection(("127.0.0.1", port)) as beyond:
        assert seconds_until_closed(beyond) < 0.5
    with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)) as other:
        other.settimeout(0.3)
        with pytest.raises(TimeoutError):
            other.recv(1)
    for each in held:
        each.close()


def test_a_client_that_does_not_read_is_cut(serve: Serve, document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    with (tmp_path / "www" / "big").open("wb") as file:
        file.truncate(64 << 20)
    document["app"] = {"kind": "static", "directory": str(tmp_path / "www")}
    port = serve()
    with connected(port) as reader:
        status, _headers, body = get(reader, "/big", headers=("Range: bytes=0-99999",))
        assert (status, len(body)) == (206, 100_000)
    with connected(port) as connection:
        connection.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1.5)
        received = 0
        with pytest.raises((SSL.Error, ConnectionError)):
            while received < 64 << 20:
                received += len(connection.recv(1 << 16))
        assert received < 64 << 20


@pytest.mark.parametrize("path", ["/", "/.secret", "/%2e%2e/outside", "/..%2foutside", "/link", "/folder", "/folder/", "/none", "/page.html/x"])
def test_static_files_stay_in_their_folder(serve: Serve, document: dict[str, Any], tmp_path: Path, path: str) -> None:
    root = tmp_path / "www"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "outside").write_text("secret")
    (root / ".secret").write_text("secret")
    (root / "folder" / ".hidden").write_text("secret")
    (root / "page.html").write_text("<p>page")
    (root / "link").symlink_to(tmp_path / "outside")
    document["app"] = {"kind": "static", "directory": str(root)}
    with connected(serve()) as connection:
        status, headers, body = get(connection, path)
        assert status in (404, 302) and b"secret" not in body and b"hidden" not in body
        assert headers["x-content-type-options"] == "nosniff"
        status, headers, body = get(connection, "/page.html")
        assert (status, body, headers["content-type"]) == (200, b"<p>page", "text/html; charset=utf-8")
