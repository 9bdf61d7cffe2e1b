"""What workers get anew while their configuration stays: the keys of tickets, staples, the access log's file."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable

from twisted.internet.defer import Deferred

from ..config.model import Paths, Tickets
from ..ocsp import message
from ..ocsp.stapler import Stapler
from ..timers import cancel
from ..tls.tickets import TicketKeys
from .accesslog import AccessLog
from .prepared import Prepared

_ACCESS_LOG_LOOK_SECONDS = 5.0


class Upkeep:
    """``renew`` is called when the workers are to get what ``material`` and ``access_log`` hold then. Nothing is asked and nothing rotates
    before ``follow``."""

    def __init__(self, reactor: Any, paths: Paths, *, renew: Callable[[], object], now: Callable[[], datetime]) -> None:
        self.access_log = AccessLog(paths.state)
        self.stapler = Stapler(reactor, folder=paths.state / "ocsp", changed=self._staples_changed, now=now)
        self._reactor = reactor
        self._renew = renew
        self._keys: TicketKeys | None = None
        self._tickets: Tickets | None = None
        self._rotating: Any = None
        self._looking: Any = None

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at."""
        return [*([] if self.access_log.trouble is None else [self.access_log.trouble]), *self.stapler.warnings()]

    def ready(self, prepared: Prepared, seconds: float) -> Deferred[None]:
        """Before something is served: see ``Stapler.ready``."""
        return self.stapler.ready(prepared.leaves, seconds)

    def material(self, prepared: Prepared) -> dict[str, object]:
        """What of a worker's material is kept here."""
        if prepared.config.policy.tickets is not None and self._keys is None:
            self._keys = TicketKeys.make()
        keys = None if prepared.config.policy.tickets is None or self._keys is None else self._keys.hex()
        return {"tickets": keys, "staples": message.packed(self.stapler.staples)}

    def follow(self, prepared: Prepared) -> None:
        """This is what is served from here on. Keys stay as they are, and their turn comes anew where it has another length."""
        self.stapler.follow(prepared.leaves)
        if self._looking is None:
            self._looking = self._reactor.callLater(_ACCESS_LOG_LOOK_SECONDS, self._look_at_access_log)
        tickets = prepared.config.policy.tickets
        if tickets != self._tickets:
            self._tickets = tickets
            cancel(self._rotating)
            if tickets is None:
                self._keys = None
            else:
                self._rotating = self._reactor.callLater(tickets.rotate_seconds, self._rotate)

    def close(self) -> None:
        """Asks nobody any more, and holds no file."""
        self.stapler.pause()
        cancel(self._rotating)
        cancel(self._looking)
        self.access_log.close()

    def _staples_changed(self, _staples: object) -> None:
        self._renew()

    def _rotate(self) -> None:
        assert self._keys is not None and self._tickets is not None
        self._keys = self._keys.rotated()
        self._rotating = self._reactor.callLater(self._tickets.rotate_seconds, self._rotate)
        self._renew()

    def _look_at_access_log(self) -> None:
        self._looking = self._reactor.callLater(_ACCESS_LOG_LOOK_SECONDS, self._look_at_access_log)
        if self.access_log.has_grown():
            self._renew()
