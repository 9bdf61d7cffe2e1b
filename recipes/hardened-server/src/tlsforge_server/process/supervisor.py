"""The server's first process: it has the role, the names, the sockets and the workers, and serves nothing itself. What was built is put
together here, reloaded, and brought to an end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, Callable

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from . import account
from . import spawn
from ..config.sources import BundleSource, Source
from ..errors import ServerError, stopping
from ..lockdown import lock_down, mark
from ..lockdown.confinement import SUPERVISOR
from ..moments import iso
from ..tls.libssl import LibSsl
from .control import ControlFactory, ControlPort
from .listeners import Listeners
from .notify import Notifier
from .nursery import Nursery
from .prepared import Prepared, prepare
from .roles import Role, RunFolder
from .status import certificate_status
from .succession import Succession
from .upkeep import Upkeep
from .workers import Duty, State, Workers

log = Logger(namespace="tlsforge")

#: How long a status waits for what workers tell.
_TELL_SECONDS = 0.5
#: How long certificates without a staple are waited for: at a start, and at a reload, which somebody waits for.
_FIRST_STAPLES_SECONDS = 10.0
_STAPLES_SECONDS = 5.0
#: What is fixed for the life of this process.
_FIXED = ("listen", "redirect", "paths", "user", "libssl", "stand_by_seconds")
#: Another process takes over from this one, which serves until then.
HOW_TO_CHANGE = "run tlsforge provision, which takes it over without losing a connection, or says first where it cannot"
#: What is fixed for the life of a worker.
_FIXED_IN_WORKERS = ("app", "limits")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Supervisor:
    """``source`` is read again at a reload; ``prepared`` is what it gave first. ``ended`` is called when it has come to its end, with the
    error that it was brought to it by, or None."""

    def __init__(
        self,
        source: Source,
        prepared: Prepared,
        libssl: LibSsl,
        *,
        reactor: Any,
        nursery: Nursery,
        notifier: Notifier,
        ended: Callable[[ServerError | None], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._source = source
        self._prepared = prepared
        self._libssl = libssl
        self._reactor = reactor
        self._nursery = nursery
        self._notifier = notifier
        self._ended = ended
        self._now = now
        self._workers = Workers(reactor, nursery, duty=self._duty, bereft=self._bereft)
        self._upkeep = Upkeep(reactor, prepared.config.paths, renew=self._renew, now=now)
        self._real = Listeners(self._workers.update)
        self._trial = Listeners(self._workers.update)
        self._succession = Succession(
            reactor, prepared.config, self._real, self._trial, notifier, closing=self._bring_to_end, expired=self.stop
        )
        self._lockdown: dict[str, str] = {}
        self._last_error: str | None = None
        self._changing = DeferredLock()
        self._closing = False
        self._stopping = False
        self._fatal: ServerError | None = None

    def start(self, callbacks_work: bool | None, role: Role = "serving", inherited: dict[str, Any] | None = None) -> Deferred[None]:
        """Binds, gives up what is no longer needed, and fires when the workers serve. Fails with ServerError and leaves nothing behind when
        something is refused."""
        return self._changing.run(self._start, callbacks_work, role, inherited)

    @inlineCallbacks
    def _start(self, callbacks_work: bool | None, role: Role, inherited: dict[str, Any] | None) -> Any:
        names = self._succession.names
        try:
            names.refuse_second(role)
            self._succession.begin(role, inherited or {})
            self._lockdown = lock_down(callbacks_work, SUPERVISOR)
            self._upkeep.access_log.open(self._prepared.config.access_log)
            yield self._upkeep.ready(self._prepared, _FIRST_STAPLES_SECONDS)
            yield self._workers.start(self._state(self._prepared))
            self._open_control()
            names.refuse_second(role)
            names.publish(role)
        except BaseException:
            self._stopping = True
            self._succession.end()
            self._upkeep.close()
            yield self._workers.end()
            names.drop_all()
            raise
        self._upkeep.follow(self._prepared)
        self._log_in_force()
        if role == "serving":
            self._notifier.ready(self._summary())

    def status(self) -> Deferred[dict[str, object]]:
        """ServerStatus of the contract."""
        return self._workers.refresh(_TELL_SECONDS).addCallback(lambda _none: self._status())

    def _status(self) -> dict[str, object]:
        prepared, accepting = self._prepared, self._succession.accepting
        return {
            "pid": os.getpid(),
            "workers": self._workers.pids,
            "role": self._succession.role,
            "until": None if self._succession.until is None else iso(self._succession.until),
            "user": account.name(),
            "listen": accepting.names("listen"),
            "redirect": accepting.names("redirect"),
            "generation": prepared.config.generation,
            "certificates": [certificate_status(each, self._upkeep.stapler.status(each.fingerprint)) for each in prepared.credentials.certificates],
            "policy": {**prepared.credentials.in_force, **self._in_force()},
            "configDigest": prepared.config.digest,
            "libssl": self._libssl.path,
            "lastError": self._last_error,
            "troubles": [*self._workers.troubles, *self._upkeep.troubles, *_unanswered(prepared)],
            "connections": self._workers.open,
            "drainSeconds": prepared.config.limits.drain_seconds,
        }

    def reload(self, bundle: object = None) -> Deferred[None]:
        """Takes configuration and certificates from the bundle, or from the source again. Fails with ServerError and changes nothing
        when they are not right."""
        return self._changing.run(self._reload, bundle)

    @inlineCallbacks
    def _reload(self, bundle: object) -> Any:
        self._check_not_stopping()
        tells = self._succession.role == "serving"
        if tells:
            self._notifier.reloading()
        try:
            # Off the reactor's thread: the handshakes that check the policy would hold up the control socket.
            prepared = yield deferToThread(self._prepare, bundle)
            yield self._upkeep.ready(prepared, _STAPLES_SECONDS)
            former = self._prepared
            anew = any(getattr(prepared.config, what) != getattr(former.config, what) for what in _FIXED_IN_WORKERS)
            anew = anew or prepared.confinement != former.confinement
            self._upkeep.access_log.open(prepared.config.access_log)
            yield self._workers.exchange(self._state(prepared), anew=anew)
        except Exception as error:
            # Those that serve have the former one still; others that take their place are to have it too.
            self._upkeep.access_log.open(self._prepared.config.access_log)
            self._upkeep.follow(self._prepared)
            self._last_error = error.message if isinstance(error, ServerError) else f"{type(error).__name__}: {error}"
            log.error("reload refused, the former configuration stays: {message}", message=self._last_error)
            raise
        else:
            self._prepared = prepared
            self._upkeep.follow(prepared)
            self._last_error = None
            log.info("reloaded")
            self._log_in_force()
        finally:
            if tells and not self._stopping:
                self._notifier.ready(self._summary())

    def _prepare(self, bundle: object) -> Prepared:
        material = (self._source if bundle is None else BundleSource(bundle)).load()
        for what in _FIXED:
            if getattr(material.config, what) != getattr(self._prepared.config, what):
                raise ServerError("reload-refused", f"{what} cannot change while the server runs", HOW_TO_CHANGE)
        prepared = prepare(material, self._libssl, self._now())
        _refuse_lost_names(self._prepared, prepared)
        return prepared

    def spawn(self, program: str, bundle: object) -> Deferred[None]:
        """Starts another generation's program as a trial beside this process."""
        self._check_not_stopping()
        trial = RunFolder(self._prepared.config.paths.run).socket("trial")
        return deferToThread(spawn.spawn, program, bundle, trial, lambda: self._stopping)

    def take_over(self) -> Deferred[None]:
        """See ``Succession``; so are the three below."""
        return self._changing.run(self._succession.take_over)

    def stand_by(self, pid: int, asker_waits: Callable[[], bool]) -> Deferred[None]:
        return self._changing.run(self._succession.stand_by, pid, asker_waits)

    def relieved(self, pid: int) -> None:
        self._succession.relieved(pid)

    def held(self) -> tuple[dict[str, object], list[int]]:
        if self._stopping:
            # Whoever asks is about to take the names; they are not to be removed from under it at the end.
            self.give_way()
        self._check_not_stopping()
        descriptors = [each.fileno() for each in (*self._real.sockets("listen"), *self._real.sockets("redirect"))]
        return {"listen": self._real.names("listen"), "redirect": self._real.names("redirect")}, descriptors

    def give_way(self) -> None:
        """Gives up the names in the run folder before the process ends."""
        self._succession.names.drop_all()

    def stop(self) -> None:
        """Stops listening at once; the workers let requests under way end, and cut what is left when the deadline has passed."""
        if self._stopping:
            return
        self._stopping = True
        log.info("stopping")
        if self._succession.role == "serving":
            self._notifier.stopping()
        self._succession.end()
        self._upkeep.stapler.pause()
        self._workers.end().addCallback(lambda _none: self._finish())

    def _check_not_stopping(self) -> None:
        if self._stopping:
            raise stopping()

    def _finish(self) -> None:
        self._succession.names.drop_all()
        self._upkeep.close()
        log.info("stopped")
        self._ended(self._fatal)

    def _bereft(self) -> None:
        self._fatal = ServerError("worker-failed", "no worker is left and none can be made", "start the server again")
        log.error("{why}", why=self._fatal.message)
        self.stop()

    def _state(self, prepared: Prepared) -> State:
        material = {"sealed": prepared.sealed, "checked": prepared.checked.timestamp(), **self._upkeep.material(prepared)}
        return State(material, self._upkeep.access_log, prepared.config.limits, prepared.count)

    def _duty(self) -> Duty:
        accepted = [*self._real.accepted(), *self._trial.accepted()]
        port = next((each.getsockname()[1] for kind, each in accepted if kind == "listen"), None)
        duty = {"kinds": [kind for kind, _each in accepted], "closing": self._closing, "redirectPort": port}
        return duty, [each.fileno() for _kind, each in accepted]

    def _bring_to_end(self, closing: bool) -> None:
        self._closing = closing
        # While another process serves it is that one which asks; what it learns is on the shelf.
        if closing:
            self._upkeep.stapler.pause()
        else:
            self._upkeep.stapler.resume()

    def _renew(self) -> None:
        """Gives workers what has changed beside the configuration; not in the middle of a reload, which would be undone."""
        self._changing.run(lambda: None if self._stopping else self._workers.renew(self._state(self._prepared)))

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
        return f"generation {self._prepared.config.generation} on {', '.join(self._succession.accepting.names('listen'))}"

    def _log_in_force(self) -> None:
        log.info(
            "{role}, listening on {listen}; profile {profile}, {low} to {high}, groups {groups}; resumption {resumption}; certificates {certificates}; {lockdown}; libssl {libssl}",
            role=self._succession.role,
            listen=", ".join(self._succession.accepting.names("listen")),
            profile=self._prepared.config.policy.profile,
            low=self._prepared.config.policy.min_version,
            high=self._prepared.config.policy.max_version,
            groups=":".join(self._prepared.config.policy.groups),
            resumption=self._prepared.credentials.in_force["resumption"],
            certificates=", ".join(f"{each.kind} until {each.not_after:%Y-%m-%d}" for each in self._prepared.credentials.certificates),
            lockdown=", ".join(f"{name} {state}" for name, state in self._in_force().items()),
            libssl=self._libssl.path,
        )
        for note in (*self._prepared.credentials.notes, *_unanswered(self._prepared)):
            log.warn("{note}", note=note)

    def _in_force(self) -> dict[str, str]:
        """What this process and its workers have given up; where they differ, both."""
        theirs = self._workers.lockdown
        own = {
            name: state if theirs.get(name, state) == state else f"{theirs[name]} (workers), {state} (supervisor)" for name, state in self._lockdown.items()
        }
        return {**own, "controlSocket": mark.told(self._nursery.pid)}


def _unanswered(prepared: Prepared) -> list[str]:
    return [f"no certificate answers for {name}, which the configuration names" for name in prepared.credentials.unanswered]


def _refuse_lost_names(former: Prepared, prepared: Prepared) -> None:
    """A name of the site that is answered for stays answered for, as long as the site has it."""
    for name in prepared.credentials.unanswered:
        if name in former.config.names and name not in former.credentials.unanswered:
            reason = f"no certificate answers for {name}, and one that is served does"
            raise ServerError("certificate-refused", reason, "use one that is for this name too, or take the name out of the configuration")
