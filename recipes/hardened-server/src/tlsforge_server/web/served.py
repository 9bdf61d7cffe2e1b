"""What is served, whatever kind of application it is: the one protocol factory that connections come from.

An application is made of a configuration (``prepare``), which refuses what is not right, and then put in place (``Served.exchange``),
which cannot fail. Pages, the proxy and the WebSocket echo share one site, so that connections that are open get the exchanged one with
their next request. A foreign factory has its connections for as long as they live: exchanged, it has no further ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.protocol import ServerFactory
from twisted.web.resource import Resource

from ..config.model import Config, Factory, Limits
from .accesslog import AccessLog
from .applications import check_folder, make_root, maker
from .headers import Headers, security_headers
from .site import Site


@dataclass(frozen=True)
class Application:
    """A resource tree, or a foreign factory, of which the tree is empty."""

    headers: Headers
    root: Resource
    foreign: Any = None
    #: What it was made from.
    origin: Factory | None = None


def prepare(config: Config, current: Served | None = None) -> Application:
    """The application of a configuration, ready to serve. A foreign factory that ``current`` has already is taken as it is. It is loaded,
    so this is for the process that serves, and its reactor's thread. Raises ServerError ``app-refused``."""
    app = config.app
    headers = security_headers(app, config.hsts)
    if not isinstance(app, Factory):
        return Application(headers, make_root(config))
    if current is not None and current.application.origin == app:
        return Application(headers, Resource(), current.application.foreign, app)
    from .foreign import load

    return Application(headers, Resource(), load(app), app)


def check(config: Config) -> None:
    """Raises ServerError ``app-refused`` for an application that this process, or a child that it makes, could not serve. Loads what it
    needs of this package, and runs nothing of anybody's in this process, which must not have threads yet."""
    check_folder(config.app)
    if isinstance(config.app, Factory):
        from .foreign import check as check_factory

        check_factory(config.app)
    else:
        maker(config.app)


class Served(ServerFactory):
    """Builds protocols of the application that is in place. A foreign factory's connections know nothing of the access log, nor of the
    limits of requests."""

    noisy = False

    def __init__(self, application: Application, limits: Limits, *, reactor: Any) -> None:
        self.application = application
        self._site = Site(application.root, application.headers, limits)
        self._reactor = reactor
        self._started = False

    @property
    def closing(self) -> bool:
        """Whether answers ask their client to connect anew; a foreign factory's connections know nothing of it."""
        return self._site.closing

    @closing.setter
    def closing(self, closing: bool) -> None:
        self._site.closing = closing

    @property
    def lost(self) -> int:
        """Lines that the access log has dropped since it could be written last."""
        return 0 if self._site.access_log is None else self._site.access_log.dropped

    def close_idle(self, *, unasked: bool) -> None:
        """See ``Site.close_idle``. A foreign factory's connections are left to the drain's deadline."""
        self._site.close_idle(unasked=unasked)

    def exchange(self, application: Application) -> None:
        """Puts another application in the place of this one."""
        former, self.application = self.application, application
        self._site.resource = application.root
        self._site.headers = application.headers
        if application.foreign is former.foreign:
            return
        if self._started:
            _stop(former)
            _start(application)
        if application.foreign is not None:
            # The site has nothing to answer with any more.
            self.close_idle(unasked=True)

    def log_to(self, descriptor: int | None) -> None:
        """Where access log lines go from here on: a file opened for appending, which stays the caller's. What waits is still written to
        the former."""
        self.flush()
        self._site.access_log = None if descriptor is None else AccessLog(descriptor, self._reactor)

    def flush(self) -> None:
        """Writes what the access log still has, before the process ends."""
        if self._site.access_log is not None:
            self._site.access_log.flush()

    def buildProtocol(self, addr: Any) -> Any:
        foreign = self.application.foreign
        return (self._site if foreign is None else foreign).buildProtocol(addr)

    def startFactory(self) -> None:
        self._started = True
        _start(self.application)

    def stopFactory(self) -> None:
        self._started = False
        _stop(self.application)


def _start(application: Application) -> None:
    if application.foreign is not None:
        application.foreign.doStart()


def _stop(application: Application) -> None:
    if application.foreign is not None:
        application.foreign.doStop()
