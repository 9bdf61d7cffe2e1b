"""The running server: what was built is put together here, reloaded, and brought to an end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, Callable

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from . import account
from . import spawn
from ..config.model import Config, Limits
from ..tls.context import Credentials, build
from .control import ControlFactory, ControlPort
from ..endpoint.service import Endpoint, Service, SocketEndpoint
from ..errors import ServerError
from ..tls.libssl import LibSsl
from .listeners import Listeners
from ..lockdown import lock_down
from ..lockdown.confinement import SUPERVISOR
from .notify import Notifier
from ..endpoint.plain import PlainService
from ..web.redirect import HEADERS as REDIRECT_HEADERS
from ..web.redirect import Redirect
from .roles import Role, RunFolder
from ..web.site import make_root, make_site, security_headers
from ..config.sources import BundleSource, Material, Source
from .succession import Succession

log = Logger(namespace="tlsforge")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Server:
    """One process with a role. ``source`` is read again at a reload; ``material`` is what it gave first."""

    def __init__(
        self,
        source: Source,
        material: Material,
        libssl: LibSsl,
        *,
        reactor: Any,
        limits: Limits,
        notifier: Notifier,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        config = material.config
        self._source = source
        self._config = config
        self._libssl = libssl
        self._reactor = reactor
        self._limits = limits
        self._notifier = notifier
        self._now = now
        self._credentials = build(config, libssl, now(), material.read)
        self._endpoint: Endpoint = SocketEndpoint(self._credentials.context, limits, reactor)
        self._site = make_site(make_root(config), security_headers(config.app, config.hsts), limits)
        self._redirect_site = make_site(Redirect(config.names, config.listen[0].port), REDIRECT_HEADERS, limits)
        self._secure = self._endpoint.protect(self._site)
        self._plain: Service = PlainService(self._redirect_site, limits, reactor)
        self._real = Listeners({"listen": self._secure, "redirect": self._plain})
        trial = Listeners({"listen": self._secure})
        self._succession = Succession(reactor, config, self._real, trial, notifier, closing=self._bring_to_end, expired=self.stop)
        self._lockdown: dict[str, str] = {}
        self._last_error: str | None = None
        self._changing = DeferredLock()
        self._stopping = False

    def start(self, callbacks_work: bool | None, role: Role = "serving", inherited: dict[str, Any] | None = None) -> None:
        """Binds, then gives up what is no longer needed. Raises ServerError and leaves nothing behind when something is refused."""
        names = self._succession.names
        names.refuse_second(role)
        try:
            self._succession.begin(role, inherited or {})
            self._lockdown = lock_down(callbacks_work, SUPERVISOR)
            self._open_control()
            names.refuse_second(role)
            names.publish(role)
        except BaseException:
            self._succession.end()
            names.drop_all()
            raise
        self._exchange_redirect()
        self._log_in_force()
        if role == "serving":
            self._notifier.ready(self._summary())

    def status(self) -> dict[str, object]:
        """ServerStatus of the contract."""
        until = self._succession.until
        return {
            "pid": os.getpid(),
            "workers": [os.getpid()],
            "role": self._succession.role,
            "until": None if until is None else _iso(until),
            "user": account.name(),
            "listen": self._succession.accepting.names("listen"),
            "redirect": self._succession.accepting.names("redirect"),
            "generation": self._config.generation,
            "certificates": [
                {
                    "names": list(certificate.names),
                    "notAfter": _iso(certificate.not_after),
                    "sha256": certificate.fingerprint.hex(),
                    "chainSha256": certificate.chain_digest.hex(),
                    "staple": None,
                }
                for certificate in self._credentials.certificates
            ],
            "policy": {**self._credentials.in_force, **self._lockdown},
            "configDigest": self._config.digest,
            "libssl": self._libssl.path,
            "lastError": self._last_error,
            "connections": self._secure.open + self._plain.open,
        }

    def reload(self, bundle: object = None) -> Deferred[None]:
        """Takes configuration and certificates from the bundle, or from the source again. Fails with ServerError and changes nothing
        when they are not right."""
        return self._changing.run(self._reload, bundle)

    @inlineCallbacks
    def _reload(self, bundle: object) -> Any:
        tells = self._succession.role == "serving"
        if tells:
            self._notifier.reloading()
        try:
            # Off the reactor's thread: the handshakes that check the policy would hold up everybody else's.
            config, credentials, root = yield deferToThread(self._prepare, bundle)
        except Exception as error:
            self._last_error = error.message if isinstance(error, ServerError) else f"{type(error).__name__}: {error}"
            log.error("reload refused, the former configuration stays: {message}", message=self._last_error)
            raise
        else:
            self._config = config
            self._credentials = credentials
            self._endpoint.exchange(credentials.context)
            self._site.resource = root
            self._site.headers = security_headers(config.app, config.hsts)
            self._exchange_redirect()
            self._last_error = None
            log.info("reloaded")
            self._log_in_force()
        finally:
            if tells:
                self._notifier.ready(self._summary())

    def _prepare(self, bundle: object) -> tuple[Config, Credentials, Any]:
        material = (self._source if bundle is None else BundleSource(bundle)).load()
        config = material.config
        for what in ("listen", "redirect", "paths", "user", "libssl", "stand_by_seconds"):
            if getattr(config, what) != getattr(self._config, what):
                raise ServerError("reload-refused", f"{what} cannot change while the server runs", "stop and launch it")
        return config, build(config, self._libssl, self._now(), material.read), make_root(config)

    def spawn(self, program: str, bundle: object) -> Deferred[None]:
        """Starts another generation's program as a trial beside this process."""
        return deferToThread(spawn.spawn, program, bundle, RunFolder(self._config.paths.run).socket("trial"))

    def take_over(self) -> Deferred[None]:
        """See ``Succession``; so are the three below."""
        return self._changing.run(self._succession.take_over).addCallback(lambda _none: self._exchange_redirect())

    def stand_by(self, pid: int, asker_waits: Callable[[], bool]) -> Deferred[None]:
        return self._changing.run(self._succession.stand_by, pid, asker_waits)

    def relieved(self, pid: int) -> None:
        self._succession.relieved(pid)

    def held(self) -> tuple[dict[str, object], list[int]]:
        if self._stopping:
            # Whoever asks is about to take the names; they are not to be removed from under it at the end.
            self.give_way()
            raise ServerError("stopping", "this process is about to end")
        descriptors = [each.fileno() for each in (*self._real.sockets("listen"), *self._real.sockets("redirect"))]
        return {"listen": self._real.names("listen"), "redirect": self._real.names("redirect")}, descriptors

    def give_way(self) -> None:
        """Gives up the names in the run folder before the process ends."""
        self._succession.names.drop_all()

    def stop(self) -> None:
        """Stops listening at once, lets requests under way end, cuts what is left when the deadline has passed."""
        if self._stopping:
            return
        self._stopping = True
        log.info("stopping")
        if self._succession.role == "serving":
            self._notifier.stopping()
        self._succession.end()
        self._bring_to_end(True)
        self._drain(self._reactor.seconds())

    def _drain(self, began: float) -> None:
        passed = self._reactor.seconds() - began
        unasked = passed >= self._limits.first_request_seconds
        self._site.close_idle(unasked=unasked)
        self._redirect_site.close_idle(unasked=unasked)
        if unasked:
            self._secure.abort_unfinished()
        if self._secure.open + self._plain.open and passed < self._limits.drain_seconds:
            self._reactor.callLater(0.05, self._drain, began)
            return
        for service in (self._secure, self._plain):
            service.abort_all()
        self._succession.names.drop_all()
        log.info("stopped")
        self._reactor.callLater(0, self._reactor.stop)

    def _bring_to_end(self, closing: bool) -> None:
        self._site.closing = closing
        self._redirect_site.closing = closing

    def _exchange_redirect(self) -> None:
        """Redirects lead to the port that is really served."""
        for first in self._succession.accepting.sockets("listen")[:1]:
            self._redirect_site.resource = Redirect(self._config.names, first.getsockname()[1])

    def _open_control(self) -> None:
        path = self._succession.names.private
        try:
            path.unlink(missing_ok=True)
            factory: Any = ControlFactory(self)
            port: Any = ControlPort(os.fsencode(path), factory, mode=0o600, reactor=self._reactor)
            port.startListening()
        except Exception as error:
            raise ServerError("paths-unusable", f"the control socket {path} cannot be made: {error}") from error

    def _summary(self) -> str:
        return f"generation {self._config.generation} on {', '.join(self._succession.accepting.names('listen'))}"

    def _log_in_force(self) -> None:
        log.info(
            "{role}, listening on {listen}; profile {profile}, {low} to {high}, groups {groups}; tickets off; certificates {certificates}; {lockdown}; libssl {libssl}",
            role=self._succession.role,
            listen=", ".join(self._succession.accepting.names("listen")),
            profile=self._config.policy.profile,
            low=self._config.policy.min_version,
            high=self._config.policy.max_version,
            groups=":".join(self._config.policy.groups),
            certificates=", ".join(f"{each.kind} until {each.not_after:%Y-%m-%d}" for each in self._credentials.certificates),
            lockdown=", ".join(f"{name} {state}" for name, state in self._lockdown.items()),
            libssl=self._libssl.path,
        )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
