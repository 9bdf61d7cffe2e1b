"""Plain HTTP to HTTPS. Answers with a redirect and nothing else; HSTS is not sent over plain HTTP (RFC 6797, section 7.2)."""

from __future__ import annotations

import ipaddress
from typing import Any, Sequence

from twisted.web import resource

HEADERS = [(b"X-Content-Type-Options", b"nosniff"), (b"Content-Security-Policy", b"default-src 'none'"), (b"Cache-Control", b"no-store")]


class Redirect(resource.Resource):
    """Every path of every host, to the same path over HTTPS. A host that this server does not answer for becomes its first name."""

    isLeaf = True

    def __init__(self, names: Sequence[str], port: int) -> None:
        super().__init__()
        self._names = [name.lower() for name in names]
        self._port = port

    def render(self, request: Any) -> bytes:
        suffix = "" if self._port == 443 else f":{self._port}"
        path = request.uri if request.uri.startswith(b"/") else b"/"
        location = f"https://{self._host(request)}{suffix}".encode() + path
        request.setResponseCode(301 if request.method in (b"GET", b"HEAD") else 308)
        request.setHeader(b"Location", location)
        request.setHeader(b"Content-Length", b"0")
        return b""

    def _host(self, request: Any) -> str:
        asked = request.getRequestHostname().decode("ascii", "replace").lower()
        return _bracketed(asked if self._answers_for(asked) else self._default())

    def _answers_for(self, host: str) -> bool:
        return host in self._names or any(
            name.startswith("*.") and host.partition(".")[2] == name[2:] and _is_label(host.partition(".")[0]) for name in self._names
        )

    def _default(self) -> str:
        plain = [name for name in self._names if not name.startswith("*.")]
        return plain[0] if plain else self._names[0][2:]


def _is_label(text: str) -> bool:
    return 0 < len(text) <= 63 and all(character.isascii() and (character.isalnum() or character == "-") for character in text)


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
