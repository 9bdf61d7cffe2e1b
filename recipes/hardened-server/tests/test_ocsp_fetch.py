"""A question to a responder ends in time and in bounds, whatever the responder does."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responder
from reactors import reactor, run
from responder import Behaviour, Misbehaving, drips, endless, says, status
from twisted.internet.defer import CancelledError
from tlsforge_server.ocsp import fetch as by_http
from tlsforge_server.ocsp.response import Refused

__all__ = ["reactor"]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def misbehaving() -> Iterator[Misbehaving]:
    with responder.misbehaving() as server:
        yield server


@pytest.fixture
def ask(reactor: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], bytes]:
    monkeypatch.setattr(by_http, "SECONDS", 0.6)

    def asked(url: str) -> bytes:
        try:
            answer: bytes = run(reactor, by_http.fetch, reactor, url, b"question")
            return answer
        finally:
            assert run(reactor, lambda: len(reactor.getDelayedCalls())) <= 1

    return asked


@pytest.mark.parametrize("body", [b"", b"answer", b"x" * (64 << 10)], ids=["empty", "short", "longest"])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_is_given_as_it_is(misbehaving: Misbehaving, ask: Callable[[str], bytes], body: bytes, chunked: bool) -> None:
    framed = CHUNKED + (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    misbehaving.behaviour = (lambda client: client.sendall(framed)) if chunked else says(body)
    assert ask(misbehaving.url) == body


WRONG: list[tuple[str, Behaviour]] = [
    ("sends more than 65536 bytes", says(b"x" * ((64 << 10) + 1))),
    ("sends more than 81920 bytes", says(b"x" * 5_000_000)),
    ("sends more than 81920 bytes", endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)),
    ("sends more than 81920 bytes", endless(CHUNKED, b"1\r\nx\r\n" * 10000)),
    ("sends more than 81920 bytes", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 4000)),
    ("sends more than 81920 bytes", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3000)),
    ("cannot be asked: ", endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536)),
    ("not answered within 0.6 s", drips(b"x" * 400, 0.02)),
    ("not answered within 0.6 s", responder.stalls_after(b"")),
    ("not answered within 0.6 s", responder.stalls_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nans")),
    ("cannot be asked: ", responder.closes),
    ("cannot be asked: ", lambda client: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nans")),
    ("cannot be asked: ", lambda client: client.sendall(b"\0" * 1000 + b"\r\n\r\n")),
    ("cannot be asked: ", lambda client: client.sendall(CHUNKED + b"zz\r\n")),
    *((f"HTTP status {code}", status(code)) for code in (204, 206, 303, 304, 404, 500, 503)),
    ("redirects more than 2 times", status(302, "Location: /ocsp")),
    ("redirects to ''", status(301)),
    *(
        (f"redirects to {target!r}, which is no", status(307, f"Location: {target}"))
        for target in ("https://a.example/", "file:///etc/passwd", "ftp://a.example/", "http://user@a.example/", "http://a.example:0/")
    ),
]


@pytest.mark.parametrize(("reason", "behaviour"), WRONG)
def test_an_answer_that_is_none_is_refused(misbehaving: Misbehaving, ask: Callable[[str], bytes], reason: str, behaviour: Behaviour) -> None:
    misbehaving.behaviour = behaviour
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        ask(misbehaving.url)
    assert reason in str(refused.value)
    assert time.monotonic() - began < 3
    assert misbehaving.ended.wait(3), "the connection is still open"


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_followed_with_the_question(misbehaving: Misbehaving, ask: Callable[[str], bytes], code: int) -> None:
    def once(client: socket.socket) -> None:
        misbehaving.behaviour = says(b"answer")
        status(code, "Location: /elsewhere")(client)

    misbehaving.behaviour = once
    assert ask(misbehaving.url) == b"answer"
    assert misbehaving.asked == 2


@pytest.mark.parametrize("host", ["127.0.0.1:9", "[::1]:9"])
def test_nobody_there_is_told(ask: Callable[[str], bytes], host: str) -> None:
    with pytest.raises(Refused, match="cannot be asked"):
        ask(f"http://{host}/")


def test_the_environment_s_proxy_is_not_used(misbehaving: Misbehaving, ask: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    misbehaving.behaviour = says(b"answer")
    assert ask(misbehaving.url) == b"answer"


def test_a_question_can_be_called_off(misbehaving: Misbehaving, reactor: Any) -> None:
    """At whatever point it is; that is no answer and no refusal."""
    for behaviour in (responder.stalls_after(b""), responder.stalls_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nans")):
        misbehaving.behaviour = behaviour
        misbehaving.ended.clear()
        asking = run(reactor, lambda: [by_http.fetch(reactor, misbehaving.url, b"question")])[0]
        time.sleep(0.2)
        with pytest.raises(CancelledError):
            run(reactor, lambda: (asking.cancel(), asking)[1])
        assert misbehaving.ended.wait(3), "the connection is still open"
