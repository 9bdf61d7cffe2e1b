"""What a worker does for clients: the endpoint, the application behind it, and the sockets that it accepts from. Made once; what can
change while connections live is exchanged."""

from __future__ import annotations

import socket
from typing import Any, Callable, Literal, Mapping, Sequence

from OpenSSL import SSL

from ..config.model import Config, Limits
from ..endpoint.plain import PlainService
from ..endpoint.service import Accepting, Endpoint, Service, SocketEndpoint
from ..web import served
from ..web.redirect import HEADERS as REDIRECT_HEADERS
from ..web.redirect import Redirect
from ..web.site import Site

#: What is done with the connections of a socket.
Kind = Literal["listen", "redirect"]

#: How often it is looked whether the last connection has ended.
_DRAIN_LOOK_SECONDS = 0.05


class Serving:
    """``limits`` are what this process can keep. Accepts from nothing until it is told to."""

    def __init__(self, reactor: Any, config: Config, context: SSL.Context, limits: Limits) -> None:
        self._reactor = reactor
        self._limits = limits
        self._names = config.names
        self._endpoint: Endpoint = SocketEndpoint(context, limits, reactor)
        self._served = served.Served(served.prepare(config), limits, reactor=reactor)
        self._redirect_site = Site(Redirect(config.names, config.listen[0].port), REDIRECT_HEADERS, limits)
        self.services: Mapping[Kind, Service] = {
            "listen": self._endpoint.protect(self._served),
            "redirect": PlainService(self._redirect_site, limits, reactor),
        }
        self._ports: list[Accepting] = []
        self._drains_from: float | None = None
        self._redirect_port = config.listen[0].port

    @property
    def open(self) -> int:
        """How many connections there are."""
        return sum(service.open for service in self.services.values())

    @property
    def lost(self) -> int:
        """Lines of the access log that could not be written since it could be last."""
        return self._served.lost

    def exchange(self, config: Config, context: SSL.Context) -> None:
        """What comes from here on is served by this; nothing is closed. The limits are the same."""
        application = served.prepare(config, self._served)
        self._endpoint.exchange(context)
        self._served.exchange(application)
        self._names = config.names
        self.redirect_to(self._redirect_port)

    def log_to(self, descriptor: int | None) -> None:
        """Where access log lines go."""
        self._served.log_to(descriptor)

    def accept(self, sockets: Sequence[tuple[Kind, socket.socket]]) -> None:
        """Takes connections from these, which stay the caller's, and from no others."""
        former, self._ports = self._ports, [self.services[kind].accept(each) for kind, each in sockets]
        for port in former:
            port.stopListening()

    def redirect_to(self, port: int) -> None:
        """Redirects lead to the port that is really served."""
        self._redirect_port = port
        self._redirect_site.resource = Redirect(self._names, port)

    def bring_to_end(self, closing: bool) -> None:
        """Whether connections are to end with their next answer."""
        self._served.closing = closing
        self._redirect_site.closing = closing

    def drain(self, done: Callable[[], None], *, gently: bool) -> None:
        """Accepts no more, lets requests under way end, and cuts what is left when the deadline has passed. ``gently``: connections that
        are idle may come with another request until then, and the same begins only afterwards. Called again, the sooner one counts."""
        start = self._reactor.seconds() + (self._limits.drain_seconds if gently else 0)
        former, self._drains_from = self._drains_from, start if self._drains_from is None else min(start, self._drains_from)
        if former is None:
            self.accept([])
            self.bring_to_end(True)
            self._drain(done)

    def _drain(self, done: Callable[[], None]) -> None:
        assert self._drains_from is not None
        passed = self._reactor.seconds() - self._drains_from
        unasked = passed >= self._limits.first_request_seconds
        if passed >= 0:
            self._served.close_idle(unasked=unasked)
            self._redirect_site.close_idle(unasked=unasked)
        if unasked:
            for service in self.services.values():
                service.abort_unfinished()
        if self.open and passed < self._limits.drain_seconds:
            self._reactor.callLater(_DRAIN_LOOK_SECONDS, self._drain, done)
            return
        for service in self.services.values():
            service.abort_all()
        self._served.flush()
        done()
