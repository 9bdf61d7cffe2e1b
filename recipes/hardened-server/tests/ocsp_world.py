"""A stapler on a clock that the tests turn, with a responder in place of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ocsp_pki import DAY, Answering
from tlsforge_server.ocsp.leaf import Leaf
from tlsforge_server.ocsp.response import Refused
from tlsforge_server.ocsp.stapler import Stapler
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

ISSUER = Answering()
MINUTE = timedelta(minutes=1)


class World:
    """A stapler, its clocks, and a responder in place of HTTP. ``answer`` is what it says; raising Refused is not saying anything."""

    def __init__(self, chance: float = 0.0) -> None:
        self.clock = Clock()
        self.began = datetime.now(UTC).replace(microsecond=0)
        #: What has been done to the wall clock.
        self.set_by = timedelta(0)
        self.asked: list[datetime] = []
        self.urls: list[str] = []
        self.changes: list[Mapping[bytes, bytes]] = []
        self.answer: Callable[[Leaf], bytes] = self.good
        self.pending: list[Deferred[bytes]] | None = None
        self.leaf = ISSUER.leaf()
        self.stapler = Stapler(self.clock, folder=None, changed=self.changes.append, fetch=self._fetch, now=lambda: self.now, random=lambda: chance)

    @property
    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.clock.seconds()) + self.set_by

    def good(self, leaf: Leaf, *, age: timedelta = timedelta(0), **wrong: Any) -> bytes:
        """Made now, good for a week."""
        return ISSUER.answer(leaf, now=self.now, start=-age, end=7 * DAY - age, **wrong)

    def pass_on(self, whole: timedelta, step: timedelta = MINUTE) -> None:
        for _ in range(int(whole / step)):
            self.clock.advance(step.total_seconds())

    def stapled(self) -> bytes | None:
        told = self.changes[-1] if self.changes else {}
        assert told == self.stapler.staples
        return told.get(self.leaf.fingerprint)

    def status(self) -> str | None:
        return self.stapler.status(self.leaf.fingerprint)

    def _fetch(self, url: str, _request: bytes) -> Deferred[bytes]:
        self.asked.append(self.now)
        self.urls.append(url)
        if self.pending is not None:
            self.pending.append(Deferred())
            return self.pending[-1]
        try:
            return succeed(self.answer(self.leaf))
        except Refused as refused:
            return fail(refused)


def gone(_leaf: Leaf) -> bytes:
    raise Refused("the responder cannot be asked: it is gone")
