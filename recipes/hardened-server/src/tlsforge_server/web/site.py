"""HTTP/1.1: the page that says what this is, files, and the headers that every answer carries."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from typing import Any

from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http, resource, server, static
from zope.interface import implementer

from ..config.model import App, Config, Hsts, Limits, Static
from ..errors import ServerError

STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:12vh auto;padding:0 1.5rem}"
    "h1{font-size:1.4rem;font-weight:600}table{border-collapse:collapse;margin-top:1.5rem}"
    "th{font-weight:400;opacity:.7;text-align:left;padding:.2rem 2rem .2rem 0}td{font-variant-numeric:tabular-nums}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

#: No source but the page's own style.
ABOUT_CSP = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#: A site of one's own: what comes from itself, nothing that other sites put around it.
STATIC_CSP = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"


def security_headers(app: App, hsts: Hsts) -> list[tuple[bytes, bytes]]:
    """Headers of every answer over TLS, errors among them (HSTS: RFC 6797)."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY" if app.kind == "about" else "SAMEORIGIN",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Content-Security-Policy": ABOUT_CSP if app.kind == "about" else STATIC_CSP,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if hsts.max_age > 0:
        parts = [f"max-age={hsts.max_age}", *(["includeSubDomains"] if hsts.include_subdomains else []), *(["preload"] if hsts.preload else [])]
        headers["Strict-Transport-Security"] = "; ".join(parts)
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def make_root(config: Config) -> resource.Resource:
    """The resource tree of the configured application."""
    if not isinstance(config.app, Static):
        return _About(config)
    check_folder(config.app)
    return _Files(str(config.app.directory))


def check_folder(app: App) -> None:
    """Raises ServerError ``app-refused`` when this process cannot serve from the application's folder."""
    if not isinstance(app, Static):
        return
    hint = "app.directory must name the folder to serve"
    try:
        # Its own entry is below it: so it has to be a folder that can be entered.
        os.stat(f"{app.directory}/.")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ServerError("app-refused", f"{app.directory} is not a folder", hint) from error
    except PermissionError as error:
        hint = f"let the user with id {os.geteuid()} enter it and every folder on its way (chmod o+x), or serve another, such as one below /srv"
        raise ServerError("app-refused", f"{app.directory} cannot be looked at: {error.strerror}", hint) from error
    except OSError as error:
        raise ServerError("app-refused", f"{app.directory} cannot be looked at: {error.strerror}", hint) from error


def make_site(root: resource.Resource, headers: list[tuple[bytes, bytes]], limits: Limits) -> Site:
    """A protocol factory that serves ``root``; both can be exchanged while it serves."""
    site = Site(root, requestFactory=Request, timeout=limits.idle_seconds)
    site.limits = limits
    site.headers = headers
    site.displayTracebacks = False
    return site


class Site(server.Site):
    """twisted.web's site with our channel: no negotiation of its own, no log line per request."""

    noisy = False
    limits: Limits
    headers: list[tuple[bytes, bytes]]
    #: Where access log lines go.
    access_log: int | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.protocol: Any = Channel
        self.channels: set[Channel] = set()
        #: Answers ask their client to connect anew: another process accepts by now, or this one is about to end.
        self.closing = False

    def close_idle(self, *, unasked: bool) -> None:
        """Closes connections that no request is under way on, of those that never had one only with ``unasked``; makes the others end
        with their request."""
        for channel in list(self.channels):
            channel.finish(unasked=unasked)

    def startFactory(self) -> None:
        """No access log, so no clock for its dates either."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: Any) -> None:
        """Requests are not logged."""


class Request(server.Request):
    """A request with our headers on its answer, and a bound on its body."""

    channel: Any
    _received = 0

    def write(self, data: bytes) -> None:
        # Here, because every answer comes by here before its head is sent. What an application has set itself stays.
        if not self.startedWriting and self.channel is not None:
            self.responseHeaders.removeHeader(b"Server")
            if self.channel.site.closing:
                self.setHeader(b"Connection", b"close")
                self.channel.persistent = False
            for name, value in self.channel.site.headers:
                if not self.responseHeaders.hasHeader(name):
                    self.setHeader(name, value)
        super().write(data)

    def gotLength(self, length: int | None) -> None:
        limit = self.channel.site.limits.body_bytes
        if length is not None and length > limit:
            self.channel.refuse_body()
            return
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self.channel.site.limits.body_bytes:
            self.channel.refuse_body()
            return
        super().handleContentChunk(data)


@implementer(IHandshakeListener)
class Channel(http.HTTPChannel):
    """One connection. Twisted starts its idle clock anew with every byte, so a slow client could stay for days: the head of a
    request has a deadline that nothing moves, and so has a client that does not take its answer."""

    site: Any
    transport: Any
    _request: Any = None
    _stall: Any = None
    _refused = False
    _asked = False
    requestFactory = Request

    def connectionMade(self) -> None:
        self.site.channels.add(self)
        super().connectionMade()
        if not self.isSecure():
            self._await(self.site.limits.head_seconds)

    def handshakeCompleted(self) -> None:
        self._await(self.site.limits.head_seconds)

    def dataReceived(self, data: bytes) -> None:
        if self._refused:
            return
        if self._request is None and not self.requests:
            self._await(self.site.limits.head_seconds)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self._await(self.site.limits.body_seconds)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self._asked = True
        self._await(None)
        super().allContentReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.channels.discard(self)
        self._await(None)
        self._expect_progress(False)
        super().connectionLost(reason)

    def pauseProducing(self) -> None:
        self._expect_progress(True)
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self._expect_progress(False)
        super().resumeProducing()

    def loseConnection(self) -> None:
        # The TLS layer waits for the client's closing alert, which may never come.
        self._expect_progress(True)
        super().loseConnection()

    def timeoutConnection(self) -> None:
        self.loseConnection()

    def finish(self, *, unasked: bool) -> None:
        """Closes when idle, else after the request under way."""
        if self.requests:
            self.persistent = 0
        elif self._asked or unasked:
            self.loseConnection()

    def refuse_body(self) -> None:
        """Answers 413 and closes; what still comes is dropped."""
        if not self._refused:
            self._refused = True
            self.transport.write(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.loseConnection()

    def _await(self, seconds: float | None) -> None:
        """Sets the deadline of the part of a request that is expected now, or none."""
        if self._request is not None:
            self._request.cancel()
        self._request = None if seconds is None else self.callLater(seconds, self._cut)

    def _expect_progress(self, expected: bool) -> None:
        if expected and self._stall is None:
            self._stall = self.callLater(self.site.limits.stall_seconds, self._cut)
        elif not expected and self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _cut(self) -> None:
        for call in (self._request, self._stall):
            if call is not None and call.active():
                call.cancel()
        self._request = self._stall = None
        self.transport.abortConnection()


class _About(resource.Resource):
    """One page, at the root: what this server is made of."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._page = _about_page(config).encode()
        root: Any = self
        self.putChild(b"", root)

    def render_GET(self, request: Any) -> bytes:
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-cache")
        return self._page


def _about_page(config: Config) -> str:
    rows = "".join(f"<tr><th scope=row>{html.escape(name)}<td>{html.escape(value)}" for name, value in config.about)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>tlsforge</title><style>{STYLE}</style><h1>This TLS server was built from source by tlsforge</h1>"
        f"<p>It answers for {html.escape(', '.join(config.names))} with the TLS profile {html.escape(config.policy.profile)}."
        f"<table>{rows}<tr><th scope=row>generation<td>{config.generation}</table></html>\n"
    )


class _Files(static.File):
    """Files below a folder: no listings, nothing whose name begins with a dot, nothing outside by way of a link."""

    def getChild(self, path: bytes, request: Any) -> Any:
        if path.startswith(b"."):
            return self.childNotFound
        child = super().getChild(path, request)
        if isinstance(child, static.File) and not _inside(child, self):
            return self.childNotFound
        return child

    def directoryListing(self) -> resource.Resource:
        return self.childNotFound


def _inside(child: static.File, folder: static.File) -> bool:
    root = folder.realpath().path
    path = child.realpath().path
    return bool(path == root or path.startswith(root.rstrip("/") + "/"))
