"""The headers of every answer, whatever answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from behinds import Behind
from client import answer, connected, exchange, get
from frames import HANDSHAKE
from upstreams import OK, Upstream, answering

Served = Callable[..., Behind]
HSTS = "max-age=63072000; includeSubDomains"


def test_files_and_errors_have_them(served: Served, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>a")
    port = served({"kind": "static", "directory": str(tmp_path)}).port
    with connected(port) as connection:
        for method, path, expected in (("GET", "/a.html", 200), ("HEAD", "/a.html", 200), ("GET", "/none", 404), ("POST", "/a.html", 405), ("OPTIONS", "/a.html", 204)):
            status, headers, _body = get(connection, path, method=method)
            assert (status, headers["strict-transport-security"], headers["x-content-type-options"]) == (expected, HSTS, "nosniff")
            assert headers["x-frame-options"] == "SAMEORIGIN" and headers["referrer-policy"] == "strict-origin-when-cross-origin"
            assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin" and "permissions-policy" in headers
            assert "frame-ancestors" in headers["content-security-policy"] and "server" not in headers and "connection" not in headers
    for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", b"x" * 20_000):
        reply = exchange(port, request)
        assert reply.startswith(b"HTTP/1.1 4") and f"Strict-Transport-Security: {HSTS}".encode() in reply and b"\r\nConnection: close\r\n" in reply


@pytest.mark.parametrize(("hsts", "expected"), [
    ({"maxAge": 0, "includeSubdomains": True, "preload": True}, None),
    ({"maxAge": 300, "includeSubdomains": False, "preload": False}, "max-age=300"),
    ({"maxAge": 63072000, "includeSubdomains": True, "preload": True}, "max-age=63072000; includeSubDomains; preload"),
])  # fmt: skip
def test_hsts_is_this_servers_to_say(served: Served, document: dict[str, Any], hsts: dict[str, Any], expected: str | None) -> None:
    document["hsts"] = hsts
    theirs = OK.replace(b"\r\n\r\n", b"\r\nStrict-Transport-Security: max-age=1\r\nX-Content-Type-Options: theirs\r\nReferrer-Policy: no-referrer\r\n\r\n")
    upstream = Upstream(answering(theirs))
    try:
        with connected(served({"kind": "proxy", "upstream": upstream.url}).port) as connection:
            _status, headers, _body = get(connection)
    finally:
        upstream.close()
    assert headers.get("strict-transport-security") == expected
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("theirs", "no-referrer")
    assert "content-security-policy" not in headers and "cross-origin-resource-policy" not in headers and headers["x-frame-options"] == "SAMEORIGIN"


def test_an_upgrade_has_them(served: Served) -> None:
    with connected(served({"kind": "websocket-echo"}).port) as connection:
        connection.sendall(HANDSHAKE)
        status, headers, _rest = answer(connection)
        assert (status, headers["connection"], headers["strict-transport-security"]) == (101, "Upgrade", HSTS)
