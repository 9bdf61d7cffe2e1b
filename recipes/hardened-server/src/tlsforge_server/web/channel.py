"""One HTTP/1.1 connection."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.http_headers import Headers

from ..endpoint.clockwork import Deadlines
from .heads import BadHead, tokens
from .request import Request, Streaming

_MAX_HEADERS = 100


class Channel(http.HTTPChannel):
    """Twisted starts its idle clock anew with every byte, so a slow client could stay for days: here every phase of a request has a
    deadline that nothing moves, and so has a client that does not take its answer."""

    site: Any
    transport: Any
    requestFactory = Request
    maxHeaders = _MAX_HEADERS

    _phase: Deadlines[Channel] | None = None
    _refused = False
    _asked = False
    _held = False
    _upgraded: Protocol | None = None

    def connectionMade(self) -> None:
        self.site.channels.add(self)
        # Of a line, and of all of a head.
        self.MAX_LENGTH = self.totalHeadersSize = self.site.limits.header_bytes
        super().connectionMade()
        self._await(self.site.heads)

    def dataReceived(self, data: bytes) -> None:
        if self._upgraded is not None:
            self._upgraded.dataReceived(data)
        elif not self._refused:
            if self._phase is not self.site.heads and not self.requests:
                self._await(self.site.heads)
            super().dataReceived(data)

    def rawDataReceived(self, data: bytes) -> None:
        if self._upgraded is not None:
            # What came in one piece with the request.
            self._upgraded.dataReceived(data)
        else:
            super().rawDataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.refuse(431)
        elif line[:1] in (b" ", b"\t"):
            # A folded line (RFC 9112, section 5.2): not every server reads it as part of the one before.
            self.refuse(400)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(431)

    def allHeadersReceived(self) -> None:
        request, site = self.requests[-1], self.site
        request.began = site.reactor.seconds()
        try:
            request.take_head(self._command, self._path, self._version)
            self.persistent = self.checkPersistence(request, self._version)
            request.gotLength(self.length)
            self._await(None if self.length == 0 else site.bodies)
            site.answers.start(self)
            if isinstance(site.resource, Streaming):
                request.sink = site.resource.begin(request)
            elif self.length != 0 and self._version == b"HTTP/1.1" and b"100-continue" in tokens(request.requestHeaders, b"Expect"):
                self._send100Continue()
        except BadHead as bad:
            self.refuse(bad.code)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        return version == b"HTTP/1.1" and b"close" not in tokens(request.requestHeaders, b"Connection")

    def allContentReceived(self) -> None:
        if not self._refused and self.requests:
            self._asked = True
            self._await(None)
            super().allContentReceived()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        # Here, because every answer comes by here.
        block = self.site.block
        # Until all of its body has come, where the next request begins is not known.
        if self.site.closing or not self._handlingRequest:
            self.persistent = False
        lines = [b"%s %s %s\r\n" % (version, code, reason)]
        names = set()
        for name, values in headers.getAllRawHeaders():
            if name not in block.dropped:
                names.add(name)
                lines.extend([b"%s: %s\r\n" % (name, value) for value in values])
        lines.append(block.beside(names))
        lines.append(b"\r\n" if self.persistent else b"Connection: close\r\n\r\n")
        self.transport.write(b"".join(lines))

    def requestDone(self, request: Request) -> None:
        self.site.answers.stop(self)
        if not self._handlingRequest:
            # Answered before its body has come: what still comes is dropped.
            self.persistent = False
            self._refused = True
            self._await(None)
        super().requestDone(request)
        if self.persistent and self._phase is None and not self.requests:
            self._await(self.site.idles)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.channels.discard(self)
        self._stop_clocks()
        super().connectionLost(reason)
        upgraded, self._upgraded = self._upgraded, None
        if upgraded is not None:
            upgraded.connectionLost(reason)

    # Bounds

    def pauseProducing(self) -> None:
        self.site.stalls.start(self)
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self.site.stalls.stop(self)
        super().resumeProducing()
        if self._held:
            self.transport.pauseProducing()

    def hold(self, held: bool) -> None:
        """Whether the client is to wait with the body of its request."""
        self._held = held
        if held:
            self.transport.pauseProducing()
        elif not self._waitingForTransport:
            self.transport.resumeProducing()

    def loseConnection(self) -> None:
        # The TLS layer waits for the client's closing alert, which may never come.
        self.site.stalls.start(self)
        super().loseConnection()

    def cut(self) -> None:
        """Ends the connection at once, so that what was sent of an answer is not taken for all of it."""
        self._stop_clocks()
        self.transport.abortConnection()

    def body_late(self) -> None:
        """The body of a request has not come in time; who has had it wait is to say so."""
        if self._held:
            self.expired()
        else:
            self.cut()

    def expired(self) -> None:
        """A request is not answered in time."""
        sink = self.requests[0].sink if self.requests else None
        if sink is None:
            self.cut()
        else:
            sink.late()

    def finish(self, *, unasked: bool) -> None:
        """Closes when idle, else after the request under way."""
        if self._upgraded is not None:
            leave = getattr(self._upgraded, "leave", None)
            if leave is not None:
                leave()
        elif self.requests:
            self.persistent = False
        elif self._asked or unasked:
            self.loseConnection()

    def refuse(self, code: int) -> None:
        """Answers with an error in the place of a request that is none, and closes; what still comes is dropped."""
        if self._refused:
            return
        self._refused = True
        if self.requests:
            self.requests[-1].abandon()
            if self.requests[-1].startedWriting:
                self.cut()
                return
            self.requests[-1].code = code
        else:
            unread = self.requestFactory(self)
            unread.code = code
            self.site.log(unread)
        self._stop_clocks()
        self.persistent = False
        self.writeHeaders(b"HTTP/1.1", b"%d" % code, HTTPStatus(code).phrase.encode(), Headers({b"Content-Length": [b"0"]}))
        self.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400)

    # Another protocol

    def switch(self, headers: list[tuple[bytes, bytes]], protocol: Protocol) -> None:
        """Answers with 101. From here on the connection is ``protocol``'s, deadlines among the rest; ``leave()``, when it has that, asks it
        to come to its end. The request that led here is logged when the connection is lost."""
        self._stop_clocks()
        request = self.requests[0]
        request.code, request.startedWriting = 101, 1
        lines = [b"%s: %s\r\n" % header for header in (*headers, (b"Connection", b"Upgrade"))]
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n%s%s\r\n" % (b"".join(lines), self.site.block.beside(set())))
        early = b"".join(self._dataBuffer)
        self._dataBuffer.clear()
        self._networkProducer.unregisterProducer()
        self._upgraded = protocol
        protocol.makeConnection(self.transport)
        self.transport.resumeProducing()
        if early:
            protocol.dataReceived(early)

    def _await(self, phase: Deadlines[Channel] | None) -> None:
        """Sets the deadline of the part of a request that is expected now, or none."""
        if self._phase is not None:
            self._phase.stop(self)
        self._phase = phase
        if phase is not None:
            phase.start(self)

    def _stop_clocks(self) -> None:
        self._await(None)
        self.site.answers.stop(self)
        self.site.stalls.stop(self)
