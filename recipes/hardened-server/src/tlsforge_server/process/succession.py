"""Who serves: how this process gets its sockets at the start, takes over from the process that serves, stands by when another one
takes over, and serves again when that one does not bring it to its end."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any, Callable

from twisted.internet.defer import inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from . import handover
from ..config.model import Address, Config
from ..errors import ServerError, stopping
from ..timers import cancel
from .handover import Gone, Peer
from .listeners import Listeners, Place
from .notify import Notifier
from .roles import Names, Role, RunFolder

log = Logger(namespace="tlsforge")

#: How often one that stands by looks whether the one that serves has died.
WATCH_SECONDS = 1.0
#: After which a trial that nobody has decided on ends.
TRIAL_SECONDS = 1800
_GRADED_AT: list[Place] = [("listen", Address("127.0.0.1", 0))]


class Succession:
    """The role of this process. ``closing`` is told whether connections are to be brought to their end; ``expired`` is called when the
    time of a trial, or of standing by, is over."""

    role: Role = "serving"
    until: datetime | None = None

    def __init__(
        self, reactor: Any, config: Config, real: Listeners, trial: Listeners, notifier: Notifier, *, closing: Callable[[bool], None], expired: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._real = real
        self._trial = trial
        self._notifier = notifier
        self._closing = closing
        self._expired = expired
        self._folder = RunFolder(config.paths.run)
        self.names = Names(self._folder)
        self._clock: Any = None
        self._watch: Any = None
        self._ended = False

    def begin(self, role: Role, inherited: dict[str, Any]) -> None:
        """Gets the sockets, of the real addresses or for a trial of a loopback one, to be accepted from. Blocking; raises ServerError."""
        self.role = role
        wanted = self._wanted()
        if role == "trial":
            held = handover.joined(handover.spare_sockets(self._folder.socket("standing-by")), handover.sockets_of(self._folder.socket("serving")))
            # The rest is bound now, so that an address that cannot be had is known before this one is graded; it does not listen yet.
            self._complete([place for place in wanted if str(place[1]) not in held], held)
            self._trial.complete(_GRADED_AT, {})
            self._trial.accept()
            self._set_clock(TRIAL_SECONDS)
            return
        for name in set(inherited) - {str(address) for _kind, address in wanted}:
            log.warn("the service manager's socket {name} is none of the configured addresses and is closed", name=name)
            inherited.pop(name).close()
        self._complete(wanted, {**handover.spare_sockets(self._folder.socket("standing-by")), **inherited})
        self._real.accept()

    @property
    def accepting(self) -> Listeners:
        """Where connections are taken, or would be."""
        return self._trial if self.role == "trial" else self._real

    def end(self) -> None:
        """Holds no socket from here on and changes no role."""
        self._ended = True
        self._set_clock(None)
        self._trial.close()
        self._real.close()

    @inlineCallbacks
    def take_over(self) -> Any:
        """Becomes the one that serves. Raises ServerError ``take-over-refused``, and nothing has changed then."""
        self._check_not_ended()
        if self.role == "serving":
            return
        before = self.role
        self.names.keep_hold()
        peer: Peer | None = None
        gained: list[Place] = []
        try:
            peer, held = yield deferToThread(self._predecessor)
            self._check_not_ended(held)
            gained = self._complete(self._wanted(), held)
            self._closing(False)
            # From here on both accept, from the same sockets: at no moment does nobody.
            yield self._real.accept()
            self._check_not_ended()
            if peer is not None:
                peer = yield deferToThread(_relieve, peer)
                self._check_not_ended()
            self.names.change("serving")
        except BaseException as error:
            self._undo(before, gained)
            if peer is not None:
                peer.close()
            raise _refusal(error) if isinstance(error, ServerError) else error
        self.names.drop(before)
        self.role = "serving"
        self._set_clock(None)
        yield self._trial.close()
        log.info("took over{whence}", whence="" if peer is None else ", the process before stands by")
        if peer is None:
            self._notifier.ready(f"generation {self._config.generation} serves", os.getpid())
        else:
            peer.close()

    @inlineCallbacks
    def stand_by(self, pid: int, asker_waits: Callable[[], bool]) -> Any:
        """Accepts no more and keeps the sockets, for the process ``pid`` that does accept. Ends whoever else stands by."""
        self._check_not_ended()
        if self.role != "serving":
            raise ServerError("take-over-refused", f"this process is {self.role}, it does not serve")
        other = self._folder.owner("standing-by")
        if other is not None and other not in (pid, os.getpid()):
            yield deferToThread(handover.end, self._folder.socket("standing-by"), self._folder.pid("standing-by"), other)
            self._check_not_ended()
        if not asker_waits():
            raise ServerError("take-over-refused", "the process that asked has gone")
        self.names.keep_hold()
        self.names.change("standing-by")
        self.role = "standing-by"
        self._closing(True)
        yield self._real.pause()
        self._check_not_ended()
        self._set_clock(self._config.stand_by_seconds)
        log.info("process {pid} takes over; standing by for {seconds} s", pid=pid, seconds=self._config.stand_by_seconds)

    def relieved(self, pid: int) -> None:
        """The connection of the process that had this one stand by has ended: with the names taken, or with that process."""
        if self._ended or self.role != "standing-by":
            return
        if not self.names.has("serving") and handover.answers(self._folder.socket("serving")):
            self._notifier.ready(f"process {pid} has taken over", pid)
            self._watch = self._reactor.callLater(WATCH_SECONDS, self._look)
            return
        log.warn("process {pid} has not taken over, this one serves again", pid=pid)
        self._resume()

    def _look(self) -> None:
        """Serves again when the one that serves has died: its name is there and leads nowhere. One that was stopped has none."""
        server = self._folder.socket("serving")
        if server.exists() and not handover.answers(server) and self._folder.owner("serving") is None:
            log.warn("the process that served has died, this one serves again")
            self._resume()
        else:
            self._watch = self._reactor.callLater(WATCH_SECONDS, self._look)

    def _resume(self) -> None:
        self.names.keep_hold()
        self.names.change("serving")
        self.names.drop("standing-by")
        self.role = "serving"
        self._set_clock(None)
        self._closing(False)
        self._real.accept()

    def _predecessor(self) -> tuple[Peer | None, dict[str, Any]]:
        """The process that serves and what it holds; else what one that stands by holds."""
        peer = handover.reach(self._folder.socket("serving"))
        if peer is not None:
            try:
                return peer, handover.joined(self._standing_by(), peer.sockets())
            except Gone:
                peer.close()
            except ServerError:
                peer.close()
                raise
        elif (owner := self._folder.owner("serving")) not in (None, os.getpid()):
            raise ServerError("take-over-refused", f"process {owner} serves and has no control socket at {self._folder.socket('serving')}", "end it, then try again")
        return None, self._standing_by()

    def _standing_by(self) -> dict[str, Any]:
        """What another process that stands by holds: also addresses that the one that serves has given up."""
        return {} if self.role == "standing-by" else handover.spare_sockets(self._folder.socket("standing-by"))

    def _complete(self, wanted: list[Place], held: dict[str, Any]) -> list[Place]:
        try:
            return self._real.complete(wanted, held)
        finally:
            handover.close_all(list(held.values()))

    def _undo(self, before: Role, gained: list[Place]) -> None:
        if self._ended:
            return
        if before == "trial":
            # Not only what was gained: what was bound at the start listens by now.
            self._real.close()
        else:
            self._closing(True)
            self._real.pause()
            self._real.release(gained)
        self.names.let_go()

    def _wanted(self) -> list[Place]:
        return [*(("listen", each) for each in self._config.listen), *(("redirect", each) for each in self._config.redirect)]

    def _check_not_ended(self, held: dict[str, Any] | None = None) -> None:
        if self._ended:
            handover.close_all(list((held or {}).values()))
            raise stopping()

    def _set_clock(self, seconds: int | None) -> None:
        for call in (self._clock, self._watch):
            cancel(call)
        self._clock = None if seconds is None else self._reactor.callLater(seconds, self._expired)
        self.until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)


def _relieve(peer: Peer) -> Peer | None:
    """Has the peer stand by; None when it has ended instead."""
    try:
        peer.stand_by()
    except Gone:
        peer.close()
        return None
    if not peer.still_there():
        raise ServerError("take-over-refused", "the process that serves has given up waiting and serves again")
    return peer


def _refusal(error: ServerError) -> ServerError:
    if error.code in ("take-over-refused", "stopping"):
        return error
    return ServerError("take-over-refused", error.message, error.hint, cause=error.code, **error.facts)
