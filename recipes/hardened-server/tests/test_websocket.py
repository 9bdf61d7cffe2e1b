"""The WebSocket echo: messages, the handshake, what is no frame, and clients that do not read or do not answer."""

from __future__ import annotations

import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from behinds import Behind
from client import answer, connected, get
from commanded import pattern
from frames import ACCEPT, BINARY, CLOSE, CONTINUATION, HANDSHAKE, PING, PONG, TEXT, Frames, frame
from OpenSSL import SSL

Served = Callable[..., Behind]
ECHO = {"kind": "websocket-echo"}
MIB = 1 << 20


@contextmanager
def opened(port: int, early: bytes = b"") -> Iterator[tuple[SSL.Connection, Frames]]:
    with connected(port) as connection:
        connection.sendall(HANDSHAKE + early)
        status, headers, received = answer(connection)
        assert (status, headers["sec-websocket-accept"], headers["upgrade"]) == (101, ACCEPT, "websocket")
        assert "content-length" not in headers
        yield connection, Frames(connection, received)


def test_messages_come_back(served: Served) -> None:
    with opened(served(ECHO).port, early=frame(b"early", TEXT)) as (connection, frames):
        assert frames.message() == (TEXT, b"early")
        for size in (0, 1, 125, 126, 65_535, 65_536, MIB):
            connection.sendall(frame(pattern(size)))
            assert frames.message() == (BINARY, pattern(size))
        # Fragments within a letter, and a ping between them.
        euro = "\u20ac".encode()
        connection.sendall(frame(euro[:1], TEXT, final=False) + frame(b"there?", PING) + frame(euro[1:], CONTINUATION, final=False) + frame(b"", CONTINUATION))
        assert frames.message() == (PONG, b"there?")
        assert frames.message() == (TEXT, euro)
        connection.sendall(frame(b"unasked", PONG) + frame(b"on", TEXT))
        assert frames.message() == (TEXT, b"on")
        for byte in frame(b"slow", TEXT):
            connection.sendall(bytes([byte]))
        assert frames.message() == (TEXT, b"slow")


@pytest.mark.parametrize("payload", [b"", struct.pack(">H", 1000), struct.pack(">H", 3999) + b"bye"])
def test_a_close_is_answered_with_its_code(served: Served, payload: bytes) -> None:
    with opened(served(ECHO).port) as (connection, frames):
        connection.sendall(frame(b"last", TEXT) + frame(payload, CLOSE) + frame(b"after", TEXT))
        assert frames.message() == (TEXT, b"last")
        assert frames.message() == (CLOSE, payload[:2])
        with pytest.raises(SSL.ZeroReturnError):
            connection.recv(1)


@pytest.mark.parametrize(("sent", "code"), [
    (frame(b"x", masked=False), 1002), (frame(b"x", 3), 1002), (frame(b"x", 11), 1002), (frame(b"x", BINARY | 0x40), 1002),
    (frame(b"x", PING, final=False), 1002), (frame(bytes(126), PING), 1002), (frame(b"x", CONTINUATION), 1002),
    (frame(b"x", final=False) + frame(b"y"), 1002), (frame(b"x", CLOSE), 1002), (frame(struct.pack(">H", 1005), CLOSE), 1002),
    (frame(b"\xff", TEXT), 1007), (frame(b"\xe2\x82", TEXT), 1007), (frame(struct.pack(">H", 1000) + b"\xff", CLOSE), 1007),
    (frame(bytes(MIB + 1)), 1009), (frame(bytes(MIB), final=False) + frame(b"x", CONTINUATION), 1009), (frame(bytes(MIB + 1), claimed=1 << 40), 1009),
])  # fmt: skip
def test_what_is_no_message_ends_the_connection_with_a_code(served: Served, sent: bytes, code: int) -> None:
    with opened(served(ECHO).port) as (connection, frames):
        connection.sendall(sent)
        kind, payload = frames.message()
        assert kind == CLOSE and struct.unpack(">H", payload[:2])[0] == code
        with pytest.raises(SSL.ZeroReturnError):
            connection.recv(1)


def test_what_is_no_handshake_is_an_answer(served: Served) -> None:
    port = served(ECHO).port
    with connected(port) as connection:
        status, headers, body = get(connection)
        assert (status, headers["upgrade"], headers["sec-websocket-version"]) == (426, "websocket", "13") and b"WebSocket" in body
        assert get(connection, method="POST", headers=("Content-Length: 0",))[0] == 405
        for changed, expected in (
            (HANDSHAKE.replace(b"Version: 13", b"Version: 8"), 426),
            (HANDSHAKE.replace(b"Upgrade: WebSocket\r\n", b""), 426),
            (HANDSHAKE.replace(b", Upgrade", b""), 426),
            (HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl"), 400),
            (HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"?"), 400),
        ):
            connection.sendall(changed)
            assert answer(connection)[0] == expected, changed


def test_a_client_that_never_reads_is_bounded_and_then_cut(served: Served) -> None:
    sent = [0]

    def send(connection: SSL.Connection) -> None:
        message = frame(bytes(1 << 16))
        try:
            for _ in range(1 << 14):
                connection.sendall(message)
                sent[0] += len(message)
        except (SSL.Error, OSError):
            pass

    with opened(served(ECHO, idle_seconds=2.0).port) as (connection, _frames):
        thread = Thread(target=send, args=(connection,), daemon=True)
        thread.start()
        time.sleep(1)
        before = sent[0]
        time.sleep(0.5)
        assert sent[0] == before, "it is not read from"
        assert 0 < before < 32 * MIB
        thread.join(8)
        assert not thread.is_alive(), "it is cut"


def test_a_quiet_client_is_asked_and_only_one_that_does_not_answer_is_cut(served: Served) -> None:
    # Beyond all deadlines of a request.
    with opened(served(ECHO, idle_seconds=0.4, request_seconds=0.5, head_seconds=0.5).port) as (connection, frames):
        for _ in range(3):
            kind, payload = frames.message()
            assert kind == PING
            connection.sendall(frame(payload, PONG))
        began = time.monotonic()
        assert frames.message()[0] == PING
        with pytest.raises((SSL.SysCallError, ConnectionError)):
            connection.recv(1)
        assert 0.6 < time.monotonic() - began < 3


def test_a_server_that_ends_says_so(served: Served) -> None:
    running = served(ECHO)
    with opened(running.port) as (connection, frames):
        running.process.send_signal(signal.SIGUSR1)
        assert frames.message() == (CLOSE, struct.pack(">H", 1001))
        connection.sendall(frame(struct.pack(">H", 1001), CLOSE))
        with pytest.raises(SSL.ZeroReturnError):
            connection.recv(1)
