"""A request: what of it is taken, and who gets its body."""

from __future__ import annotations

import io
from typing import Any, Protocol

from twisted.python.failure import Failure
from twisted.web import resource, server

from . import heads

#: What a client gets to see no more, as nginx writes it.
CLIENT_CLOSED = 499


class Sink(Protocol):
    """Takes the body of a request as it comes."""

    def write(self, data: bytes) -> None: ...

    def end(self) -> None:
        """The body is complete."""

    def abandon(self) -> None:
        """Nothing more comes, and nobody waits for an answer."""

    def late(self) -> None:
        """The request has taken too long: answers, or cuts the connection."""


class Streaming(resource.Resource):
    """A resource that acts on the head of a request. Others see a request when its body has come, and see none of the body."""

    isLeaf = True

    def begin(self, request: Any) -> Sink:
        """Raises ``BadHead``. It sends ``100 Continue`` itself when that is expected."""
        raise NotImplementedError

    def render(self, request: Any) -> int:
        return server.NOT_DONE_YET


class Request(server.Request):
    """``began`` is the reactor's time at the end of its head."""

    channel: Any
    defaultContentType = None
    began = 0.0
    sink: Sink | None = None
    _received = 0

    def take_head(self, command: bytes, target: bytes, version: bytes) -> None:
        """Raises BadHead."""
        self.method, self.uri, self.clientproto = command, target, version
        self.uri = heads.origin_form(command, target, self.requestHeaders)
        heads.check(version, self.requestHeaders)
        self.path = self.uri.partition(b"?")[0]
        self.args = {}

    def gotLength(self, length: int | None) -> None:
        self.content = io.BytesIO()
        if length is not None and length > self.channel.site.limits.body_bytes:
            raise heads.BadHead(413)

    def handleContentChunk(self, data: bytes) -> None:
        if self.finished or self._disconnected:
            return
        self._received += len(data)
        if self._received > self.channel.site.limits.body_bytes:
            self.channel.refuse(413)
        elif self.sink is not None:
            self.sink.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.sink is not None:
            self.sink.end()
        elif not self.finished:
            self.process()

    def connectionLost(self, reason: Failure) -> None:
        if not self.startedWriting and self.code < 400:
            self.code = CLIENT_CLOSED
        self.channel.site.log(self)
        super().connectionLost(reason)
        self.abandon()

    def abandon(self) -> None:
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.abandon()
