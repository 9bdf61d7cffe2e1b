"""The running server: what was built is put together here, reloaded, and brought to an end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Callable

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from . import config as configuration
from . import listen, pidfile
from .config import Config
from .context import Credentials, build
from .control import ControlFactory
from .endpoint import CapFactory, Limits, TwistedEndpoint
from .errors import ServerError
from .libssl import LibSsl
from .lockdown import lock_down
from .redirect import HEADERS as REDIRECT_HEADERS
from .redirect import Redirect
from .site import make_root, make_site, security_headers

log = Logger(namespace="tlsforge")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Server:
    """One process that listens. ``path`` is the configuration file, read again at a reload."""

    def __init__(self, path: Path, config: Config, libssl: LibSsl, *, reactor: Any, limits: Limits, now: Callable[[], datetime] = utc_now) -> None:
        self._path = path
        self._config = config
        self._libssl = libssl
        self._reactor = reactor
        self._limits = limits
        self._now = now
        self._credentials = build(config, libssl, now())
        self._endpoint = TwistedEndpoint(self._credentials.context, limits, reactor)
        self._site = make_site(make_root(config), security_headers(config.app, config.hsts), limits)
        self._ports: list[Any] = []
        self._factories: list[CapFactory] = []
        self._listen: list[str] = []
        self._redirects: list[str] = []
        self._redirect_site = make_site(Redirect(config.names, 443), REDIRECT_HEADERS, limits)
        self._lockdown: dict[str, str] = {}
        self._last_error: str | None = None
        self._reloading = DeferredLock()
        self._stopping = False

    def start(self, callbacks_work: bool | None) -> None:
        """Binds, then gives up what is no longer needed. Raises ServerError and leaves nothing behind when something is refused."""
        paths = self._config.paths
        pidfile.refuse_second(paths.pid)
        sockets = listen.bind_all(self._config.listen)
        try:
            plain = listen.bind_all(self._config.redirect)
        except ServerError:
            for each in sockets:
                each.close()
            raise
        self._redirect_site.resource = Redirect(self._config.names, sockets[0].getsockname()[1])
        self._listen = [listen.name_of(each) for each in sockets]
        self._redirects = [listen.name_of(each) for each in plain]
        secure = self._endpoint.protect(self._site)
        capped = CapFactory(self._redirect_site, self._limits)
        self._factories = [secure, capped]
        for each, factory in [*((each, secure) for each in sockets), *((each, capped) for each in plain)]:
            self._ports.append(self._reactor.adoptStreamPort(each.fileno(), each.family, factory))
            each.close()
        self._lockdown = lock_down(callbacks_work)
        pidfile.write(paths.pid)
        self._open_control(paths.control)
        self._log_in_force()

    def status(self) -> dict[str, object]:
        """ServerStatus of the contract."""
        return {
            "pid": os.getpid(),
            "workers": [os.getpid()],
            "listen": self._listen,
            "redirect": self._redirects,
            "generation": self._config.generation,
            "certificates": [
                {
                    "names": list(certificate.names),
                    "notAfter": certificate.not_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
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
            "connections": sum(factory.open for factory in self._factories),
        }

    def reload(self) -> Deferred[None]:
        """Reads configuration and certificates again. Fails with ServerError and changes nothing when they are not right."""
        return self._reloading.run(self._reload)

    @inlineCallbacks
    def _reload(self) -> Any:
        try:
            # Off the reactor's thread: the handshakes that check the policy would hold up everybody else's.
            config, credentials, root = yield deferToThread(self._prepare)
        except ServerError as error:
            self._last_error = error.message
            log.error("reload refused, the former configuration stays: {message}", message=error.message)
            raise
        except Exception as error:
            self._last_error = f"{type(error).__name__}: {error}"
            raise
        self._config = config
        self._credentials = credentials
        self._endpoint.exchange(credentials.context)
        self._site.resource = root
        self._site.headers = security_headers(config.app, config.hsts)
        self._redirect_site.resource = Redirect(config.names, int(self._listen[0].rpartition(":")[2]))
        self._last_error = None
        log.info("reloaded")
        self._log_in_force()

    def _prepare(self) -> tuple[Config, Credentials, Any]:
        config = configuration.load(self._path)
        for what in ("listen", "redirect", "paths", "libssl"):
            if getattr(config, what) != getattr(self._config, what):
                raise ServerError("reload-refused", f"{what} cannot change while the server runs", "stop and launch it")
        return config, build(config, self._libssl, self._now()), make_root(config)

    def stop(self) -> None:
        """Stops listening at once, lets requests under way end, cuts what is left when the deadline has passed."""
        if self._stopping:
            return
        self._stopping = True
        log.info("stopping")
        for port in self._ports:
            port.stopListening()
        self._drain(self._reactor.seconds() + self._limits.drain_seconds)

    def _drain(self, deadline: float) -> None:
        self._site.close_idle()
        self._redirect_site.close_idle()
        if sum(factory.open for factory in self._factories) and self._reactor.seconds() < deadline:
            self._reactor.callLater(0.05, self._drain, deadline)
            return
        for factory in self._factories:
            factory.abort_all()
        pidfile.remove(self._config.paths.pid)
        log.info("stopped")
        self._reactor.callLater(0, self._reactor.stop)

    def _open_control(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        try:
            self._reactor.listenUNIX(str(path), ControlFactory(self), mode=0o600)
        except Exception as error:
            pidfile.remove(self._config.paths.pid)
            raise ServerError("paths-unusable", f"the control socket {path} cannot be made: {error}") from error

    def _log_in_force(self) -> None:
        log.info(
            "listening on {listen}; profile {profile}, {low} to {high}, groups {groups}; tickets off; certificates {certificates}; {lockdown}; libssl {libssl}",
            listen=", ".join(self._listen),
            profile=self._config.policy.profile,
            low=self._config.policy.min_version,
            high=self._config.policy.max_version,
            groups=":".join(self._config.policy.groups),
            certificates=", ".join(f"{each.kind} until {each.not_after:%Y-%m-%d}" for each in self._credentials.certificates),
            lockdown=", ".join(f"{name} {state}" for name, state in self._lockdown.items()),
            libssl=self._libssl.path,
        )
