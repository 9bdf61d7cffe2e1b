"""What the head of a request must be before anything acts on it, so that no other server could read it as something else."""

from __future__ import annotations

import re

from twisted.web.http_headers import Headers

#: RFC 9110, section 7.2: a name, an IPv4 address or an IPv6 address in brackets, and maybe a port.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(.*)", re.IGNORECASE | re.DOTALL)


class BadHead(Exception):
    """``code`` is what to answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def origin_form(method: bytes, target: bytes, headers: Headers) -> bytes:
    """The target as path and query, or ``*`` of OPTIONS. Of an absolute URI the host takes the place of the Host header (RFC 9112,
    section 3.2.2). Raises BadHead."""
    if method == b"CONNECT":
        raise BadHead(501)
    if absolute := _ABSOLUTE.fullmatch(target):
        headers.setRawHeaders(b"Host", [absolute[1]])
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    if _TARGET.fullmatch(target) is None or not (target.startswith(b"/") or (target == b"*" and method == b"OPTIONS")):
        raise BadHead(400)
    return target


def check(version: bytes, headers: Headers) -> None:
    """Raises BadHead for a host that is missing, named twice or none (RFC 9112, section 3.2), and for what could be framed in two ways
    (section 6.1)."""
    hosts = headers.getRawHeaders(b"Host", [])
    if len(hosts) > 1 or (not hosts and version == b"HTTP/1.1") or (hosts and _HOST.fullmatch(hosts[0]) is None):
        raise BadHead(400)
    codings = headers.getRawHeaders(b"Transfer-Encoding")
    # Twisted takes no coding but "chunked", and neither two lengths nor a length beside it; "identity" it lets pass.
    if codings is not None and (version != b"HTTP/1.1" or codings != [codings[0]] or codings[0].lower() != b"chunked"):
        raise BadHead(400)


def tokens(headers: Headers, name: bytes) -> set[bytes]:
    """The members of a header that is a list of tokens, in lower case."""
    return {each.strip().lower() for value in headers.getRawHeaders(name, []) for each in value.split(b",")}
