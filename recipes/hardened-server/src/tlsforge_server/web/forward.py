"""Heads on their way through the proxy: what of them is passed on, and what is said in addition."""

from __future__ import annotations

import h11
from twisted.web.http import NO_BODY_CODES
from twisted.web.http_headers import Headers as TwistedHeaders

from .headers import Headers
from .heads import BadHead, tokens
from .request import Request

#: Of one connection only (RFC 9110, section 7.6.1, and what older servers mean for one).
_HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
#: What the upstream believes of us only: a client's own are dropped.
_FORWARDED = (b"x-forwarded-", b"x-real-ip", b"forwarded")
#: Said anew for the upstream, whatever the client's Connection header names.
_OWN = frozenset((b"host", b"content-length", b"expect"))


def wants_websocket(request: Request, length: int | None) -> bool:
    """Whether the connection is to become a WebSocket (RFC 6455, section 4.1)."""
    headers = request.requestHeaders
    asked = request.method == b"GET" and request.clientproto == b"HTTP/1.1" and length == 0
    return asked and tokens(headers, b"Upgrade") == {b"websocket"} and b"upgrade" in tokens(headers, b"Connection")


def request_head(request: Request, length: int | None, *, websocket: bool, default_host: str) -> h11.Request:
    """The head for the upstream. ``length`` is the body's, None when it comes in chunks. Raises BadHead."""
    if request.method == b"TRACE":
        # It would show its sender the headers that are added here.
        raise BadHead(405)
    incoming = request.requestHeaders
    named = tokens(incoming, b"Connection")
    headers: Headers = [(b"Host", incoming.getRawHeaders(b"Host", [default_host.encode()])[0])]
    for name, values in incoming.getAllRawHeaders():
        lower = name.lower()
        # A name with "_" is the same as one with "-" to many applications (CGI), so it could pass for a header that is dropped.
        if lower in _HOP_BY_HOP or lower in named or lower in _OWN or b"_" in lower or lower.startswith(_FORWARDED):
            continue
        headers.extend((name, value) for value in values)
    client = request.getClientAddress()
    headers.append((b"X-Forwarded-For", getattr(client, "host", "unknown").partition("%")[0].encode()))
    headers.append((b"X-Forwarded-Proto", b"https" if request.isSecure() else b"http"))
    headers.append((b"X-Forwarded-Host", headers[0][1]))
    if websocket:
        headers.extend([(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")])
    elif length is None:
        headers.append((b"Transfer-Encoding", b"chunked"))
    elif length or incoming.hasHeader(b"Content-Length"):
        headers.append((b"Content-Length", b"%d" % length))
    if length != 0 and expects_continue(request):
        headers.append((b"Expect", b"100-continue"))
    try:
        return h11.Request(method=request.method, target=request.uri, headers=headers)
    except h11.LocalProtocolError as error:
        raise BadHead(400) from error


def expects_continue(request: Request) -> bool:
    return request.clientproto == b"HTTP/1.1" and b"100-continue" in tokens(request.requestHeaders, b"Expect")


def response_headers(event: h11.Response | h11.InformationalResponse) -> TwistedHeaders:
    """Those of the upstream's that are for the client."""
    named = {each.strip().lower() for name, value in event.headers if name == b"connection" for each in value.split(b",")}
    coded = any(name == b"transfer-encoding" for name, _ in event.headers)
    headers = TwistedHeaders()
    for name, value in event.headers:
        bare = name == b"content-length" and (coded or (event.status_code in NO_BODY_CODES and event.status_code != 304))
        if name not in _HOP_BY_HOP and not bare and (name not in named or name == b"content-length"):
            headers.addRawHeader(name, value)
    return headers
