"""The proxy: each request is passed on to another server as it comes, and so is each answer."""

from __future__ import annotations

from typing import Any

import h11
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, TimeoutError
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web import http
from zope.interface import implementer

from ..config.model import Limits, Upstream
from ..endpoint.clockwork import Deadlines
from .forward import expects_continue, request_head, response_headers, wants_websocket
from .request import Request, Streaming
from .tunnel import Tunnel
from .upstream import Line, Lines

#: Requests that may be sent again when a kept connection turns out to be closed.
_SAFE = (b"GET", b"HEAD", b"OPTIONS")


class ReverseProxy(Streaming):
    """Everything, to one upstream."""

    def __init__(self, upstream: Upstream, limits: Limits) -> None:
        super().__init__()
        # Not before: importing it makes it, and the process that only loads this module must have none.
        from twisted.internet import reactor as global_reactor

        reactor: Any = global_reactor
        self.lines = Lines(upstream, reactor)
        #: WebSockets have no end by which they could be late: they are cut when nothing passes for as long as a request may take.
        self.tunnels: Deadlines[Tunnel] = Deadlines(reactor, limits.request_seconds, Tunnel.cut)
        self._host = upstream.host

    def begin(self, request: Request) -> Exchange:
        length = request.channel.length
        websocket = wants_websocket(request, length)
        head = request_head(request, length, websocket=websocket, default_host=self._host)
        return Exchange(self, request, head)


class Exchange:
    """One request and its answer. It is the sink of the request's body and the user of a line."""

    def __init__(self, proxy: ReverseProxy, request: Request, head: h11.Request) -> None:
        self._proxy = proxy
        self._request = request
        self._channel = request.channel
        self._head = head
        self._line: Line | None = None
        self._connecting: Deferred[None] | None = None
        self._early: list[bytes] = []
        self._ended = False
        self._over = False
        self._kept = False
        self._has_body = self._channel.length != 0
        if not self._has_body and head.method in _SAFE and (line := proxy.lines.take()) is not None:
            self._kept = True
            self._use(line)
        else:
            self._connect()

    # The request, from the client

    def write(self, data: bytes) -> None:
        if self._line is None:
            self._early.append(data)
        elif not self._over:
            self._send(h11.Data(data=data))

    def end(self) -> None:
        self._ended = True
        if self._line is not None and not self._over:
            self._send(h11.EndOfMessage())

    def abandon(self) -> None:
        self._over = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._line is not None:
            self._line.drop()

    def late(self) -> None:
        self._fail(504)

    # The way to the upstream

    def _connect(self) -> None:
        if self._has_body:
            self._channel.hold(True)
        self._connecting = self._proxy.lines.connect().addCallbacks(self._connected, self._unreachable)

    def _connected(self, line: Line) -> None:
        self._connecting = None
        if self._over:
            line.drop()
            return
        self._use(line)
        if self._has_body and not self._over:
            line.transport.registerProducer(_Body(self._channel), True)
            self._channel.hold(False)

    def _unreachable(self, failure: Failure) -> None:
        self._connecting = None
        if not failure.check(CancelledError):
            self._fail(504 if failure.check(TimeoutError) else 502)

    def _use(self, line: Line) -> None:
        self._line = line
        line.user = self
        self._send(self._head)
        for data in self._early:
            self._send(h11.Data(data=data))
        self._early.clear()
        if self._ended:
            self._send(h11.EndOfMessage())

    def _send(self, event: h11.Event) -> None:
        assert self._line is not None
        try:
            data = self._line.http.send(event)
        except h11.LocalProtocolError:
            # Its connection is in an error that it has answered for.
            self._fail(502)
            return
        if data:
            self._line.transport.write(data)

    # The answer, from the upstream

    def received(self, data: bytes) -> None:
        self._kept = False
        self._take(data)

    def lost(self, reason: Failure) -> None:
        if self._over:
            return
        if self._kept:
            # It was closed while it was kept: the request has not been seen.
            self._kept = False
            self._line = None
            self._connect()
        elif reason.check(ConnectionDone):
            # An answer without a length ends here.
            self._take(b"")
            self._fail(502)
        else:
            self._fail(502)

    def _take(self, data: bytes) -> None:
        assert self._line is not None
        state = self._line.http
        try:
            state.receive_data(data)
            while not self._over:
                event = state.next_event()
                if isinstance(event, h11.Data):
                    self._request.write(bytes(event.data))
                elif isinstance(event, h11.Response):
                    self._begin_answer(event)
                elif isinstance(event, h11.InformationalResponse):
                    self._inform(event)
                elif isinstance(event, h11.EndOfMessage):
                    self._complete()
                else:
                    return
        except h11.RemoteProtocolError:
            self._fail(502)

    def _begin_answer(self, event: h11.Response) -> None:
        request, line = self._request, self._line
        assert line is not None
        request.setResponseCode(event.status_code, event.reason or http.RESPONSES.get(event.status_code, b""))
        request.responseHeaders = response_headers(event)
        if not request.responseHeaders.hasHeader(b"Date"):
            request.responseHeaders.setRawHeaders(b"Date", [http.datetimeToString()])
        request.registerProducer(line.transport, True)
        if self._channel._waitingForTransport:
            line.transport.pauseProducing()
        request.write(b"")

    def _inform(self, event: h11.InformationalResponse) -> None:
        if event.status_code == 101:
            self._switch(event)
        elif event.status_code == 100:
            if expects_continue(self._request) and not self._ended:
                self._channel._send100Continue()
        elif self._request.clientproto == b"HTTP/1.1":
            lines = [b"%s: %s\r\n" % (name, value) for name, values in response_headers(event).getAllRawHeaders() for value in values]
            self._channel.write(b"HTTP/1.1 %d %s\r\n%s\r\n" % (event.status_code, event.reason, b"".join(lines)))

    def _switch(self, event: h11.InformationalResponse) -> None:
        line = self._line
        assert line is not None
        self._over = True
        self._request.sink = None
        headers = [(name, value) for name, values in response_headers(event).getAllRawHeaders() for value in values]
        tunnel = Tunnel(self._request, line, self._proxy.tunnels)
        self._channel.switch([*headers, (b"Upgrade", b"websocket")], tunnel)
        if rest := line.http.trailing_data[0]:
            tunnel.received(rest)

    def _complete(self) -> None:
        line = self._line
        assert line is not None
        self._over = True
        self._request.sink = None
        self._request.unregisterProducer()
        line.transport.unregisterProducer()
        line.release()
        self._channel.hold(False)
        self._request.finish()

    def _fail(self, code: int) -> None:
        """Answers with an error; an answer that has begun is cut off, so that nobody takes it for all."""
        if self._over:
            return
        self.abandon()
        request = self._request
        request.sink = None
        if request.startedWriting:
            self._channel.cut()
            return
        body = b"%d %s\n" % (code, http.RESPONSES[code])
        request.setResponseCode(code)
        for name, value in ((b"Content-Type", b"text/plain; charset=utf-8"), (b"Cache-Control", b"no-store"), (b"Content-Length", b"%d" % len(body))):
            request.setHeader(name, value)
        self._channel.hold(False)
        request.write(body)
        request.finish()


@implementer(IPushProducer)
class _Body:
    """The body of a request as the upstream's connection sees it."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def pauseProducing(self) -> None:
        self._channel.hold(True)

    def resumeProducing(self) -> None:
        self._channel.hold(False)

    def stopProducing(self) -> None:
        """The upstream is gone, which its line says."""
