"""HTTP/1.1: the protocol factory that serves a resource tree, with deadlines, limits and headers of its own."""

from __future__ import annotations

from typing import Any

from twisted.web import resource, server

from ..config.model import Limits
from ..endpoint.clockwork import Deadlines
from .accesslog import AccessLog
from .channel import Channel
from .headers import HeaderBlock, Headers
from .request import Request


class Site(server.Site):
    """twisted.web's site with our channel: no negotiation of its own, and one timer for all deadlines of a length. Its tree and headers can
    be exchanged while it serves."""

    noisy = False
    displayTracebacks = False
    reactor: Any
    #: Where a line for each request goes.
    access_log: AccessLog | None = None

    def __init__(self, root: resource.Resource, headers: Headers, limits: Limits) -> None:
        super().__init__(root, requestFactory=Request, timeout=None)
        self.protocol: Any = Channel
        self.limits = limits
        self.headers = headers
        self.channels: set[Channel] = set()
        #: Answers ask their client to connect anew: another process accepts by now, or this one is about to end.
        self.closing = False
        self.heads: Deadlines[Channel] = Deadlines(self.reactor, limits.head_seconds, Channel.cut)
        self.bodies: Deadlines[Channel] = Deadlines(self.reactor, limits.body_seconds, Channel.body_late)
        self.answers: Deadlines[Channel] = Deadlines(self.reactor, limits.request_seconds, Channel.expired)
        self.idles: Deadlines[Channel] = Deadlines(self.reactor, limits.idle_seconds, Channel.loseConnection)
        self.stalls: Deadlines[Channel] = Deadlines(self.reactor, limits.stall_seconds, Channel.cut)

    @property
    def headers(self) -> Headers:
        """Of every answer."""
        return self.block.headers

    @headers.setter
    def headers(self, headers: Headers) -> None:
        self.block = HeaderBlock(headers)

    def close_idle(self, *, unasked: bool) -> None:
        """Closes connections that no request is under way on, of those that never had one only with ``unasked``; makes the others end
        with their request."""
        for channel in list(self.channels):
            channel.finish(unasked=unasked)

    def startFactory(self) -> None:
        """Twisted's access log is not used, so there is no clock for its dates either."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: Any) -> None:
        if self.access_log is not None:
            self.access_log.request(request, self.reactor.seconds() - request.began if request.began else 0.0)
