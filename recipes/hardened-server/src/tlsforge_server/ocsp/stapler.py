"""Staples for the certificates that are served: asked for before they are needed, kept while they are good, never waited for in a handshake."""

from __future__ import annotations

import random as chances
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from ..errors import ServerError
from ..timers import cancel
from .leaf import Leaf, request
from .response import Refused, Revoked, Staple, verified
from .shelf import Shelf
from .watch import Watch

log = Logger(namespace="tlsforge")

#: The wall clock is looked at so often, whatever is planned: it may have been set.
_LOOK_SECONDS = 60.0
_LEAST_SECONDS = 0.05

#: Asks a responder: URL and request to the body of its answer, or a failure with Refused.
Fetch = Callable[[str, bytes], Deferred[bytes]]


def _by_http(reactor: Any, url: str, asked: bytes) -> Deferred[bytes]:
    # Loaded when somebody is asked: many certificates have nobody to ask.
    from .fetch import fetch

    return fetch(reactor, url, asked)


class Stapler:
    """``changed`` gets all staples there are, response by the leaf's SHA-256, whenever one comes or goes. ``folder`` keeps them over
    restarts. ``fetch`` takes the place of HTTP, ``now`` and ``random`` that of clock and chance."""

    def __init__(
        self,
        reactor: Any,
        *,
        folder: Path | None,
        changed: Callable[[Mapping[bytes, bytes]], None],
        fetch: Fetch | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = chances.random,
    ) -> None:
        self._reactor = reactor
        self._shelf = Shelf(folder) if folder is not None else None
        self._changed = changed
        self._fetch: Fetch = fetch or (lambda url, asked: _by_http(reactor, url, asked))
        self._now = now
        self._random = random
        self._served: tuple[Leaf, ...] = ()
        self._watches: dict[Leaf, Watch] = {}
        self._asking: dict[Leaf, Deferred[None]] = {}
        self._waiting: list[tuple[Sequence[Leaf], Deferred[None]]] = []
        self._told: Mapping[bytes, bytes] = {}
        self._disk = DeferredLock()
        self._timer: Any = None
        self._is_paused = False

    @property
    def staples(self) -> Mapping[bytes, bytes]:
        """What there is to staple now: response (DER) by the leaf's SHA-256."""
        return {leaf.fingerprint: watch.staple.der for leaf, watch in self._watches.items() if watch.staple is not None}

    def ready(self, leaves: Sequence[Leaf], seconds: float) -> Deferred[None]:
        """Before leaves are served: fires when each has a staple or an attempt has failed, and at the latest after the seconds. Fails with
        ServerError ``certificate-refused`` when one that must be stapled (RFC 7633) has none, or when one is revoked that would take the
        place of another; then nothing has changed. One at a time."""
        self._keep((*self._served, *leaves))
        for leaf in leaves:
            self._watches[leaf].hurry(self._now())
        self._ask_due()
        waiting: Deferred[None] = Deferred()
        self._waiting.append((leaves, waiting))
        self._tell_waiting()
        return waiting.addTimeout(seconds, self._reactor, lambda _result, _seconds: None).addCallback(lambda _none: self._judge(leaves))

    def follow(self, leaves: Sequence[Leaf]) -> None:
        """These are served from now on, and no others. What is known of them already stays."""
        self._served = tuple(leaves)
        self._keep(leaves)
        self._tick()

    def status(self, fingerprint: bytes) -> str | None:
        """Of a served leaf: ``good until …``, ``none: <reason>``, or None where stapling does not apply."""
        return next((self._watches[leaf].status() for leaf in self._served if leaf.fingerprint == fingerprint), None)

    def warnings(self) -> list[str]:
        """What somebody should look at: a line for each."""
        told = [self._watches[leaf].warning() for leaf in self._served]
        return [line for line in (*told, self._shelf and self._shelf.problem) if line]

    def pause(self) -> None:
        """Asks nobody and calls nobody, as while another process serves, or at the end."""
        self._is_paused = True
        cancel(self._timer)
        for asking in list(self._asking.values()):
            asking.cancel()

    def resume(self) -> None:
        """Goes on after a pause, with what others have put on the shelf meanwhile."""
        self._is_paused = False
        self._tick()

    def _keep(self, leaves: Sequence[Leaf]) -> None:
        """Watches these and no others. What is on the shelf for a leaf is there at once."""
        for leaf in set(self._watches) - set(leaves):
            del self._watches[leaf]
            if leaf in self._asking:
                self._asking[leaf].cancel()
        for leaf in leaves:
            if leaf not in self._watches:
                self._watches[leaf] = Watch(leaf, self._now())
                self._look(self._watches[leaf])
        self._tell()

    def _tick(self) -> None:
        if self._is_paused:
            return
        now = self._now()
        for watch in self._watches.values():
            if watch.expire(now):
                log.error("{warning}", warning=watch.warning())
        self._ask_due()
        self._plan()
        self._tell()

    def _plan(self) -> None:
        cancel(self._timer)
        events = [watch.next_event(asking=leaf in self._asking) for leaf, watch in self._watches.items()]
        wait = min([(event - self._now()).total_seconds() for event in events if event is not None], default=_LOOK_SECONDS)
        self._timer = self._reactor.callLater(min(max(wait, _LEAST_SECONDS), _LOOK_SECONDS), self._tick)

    def _ask_due(self) -> None:
        for leaf, watch in list(self._watches.items()):
            if leaf not in self._asking and watch.is_due(self._now()):
                self._look(watch)
                if watch.is_due(self._now()):
                    self._begin(watch)

    def _look(self, watch: Watch) -> None:
        """Takes what is on the shelf: another process may have put something later there."""
        if self._shelf is None or watch.leaf.unaskable is not None:
            return
        found = self._shelf.take(watch.leaf, self._now())
        if found is not None and found != watch.staple:
            try:
                watch.found(found, self._now(), self._random())
            except Refused as refused:
                log.info("{where}: on the shelf: {refused}", where=watch.leaf.where, refused=str(refused))

    def _begin(self, watch: Watch) -> None:
        watch.begin(self._now())
        asking = Deferred.fromCoroutine(self._ask(watch))
        self._asking[watch.leaf] = asking

        def ended(_result: object) -> None:
            del self._asking[watch.leaf]
            self._tell_waiting()
            if not self._is_paused:
                self._tick()

        asking.addBoth(ended)

    async def _ask(self, watch: Watch) -> None:
        try:
            staple = await self._answer(watch.leaf)
            watch.answered(staple, self._now(), self._random())
        except Revoked as said:
            self._revoked(watch, said)
        except Refused as refused:
            self._failed(watch, str(refused))
        except CancelledError:
            pass
        except Exception as error:
            log.failure("asking about {where}", where=watch.leaf.where)
            self._failed(watch, f"{type(error).__name__}: {error}")
        else:
            log.info("{where}: OCSP response, {status}", where=watch.leaf.where, status=watch.status())
            self._on_disk(lambda shelf: shelf.put(staple))

    async def _answer(self, leaf: Leaf) -> Staple:
        reasons = []
        for url in leaf.responders:
            try:
                return verified(await self._fetch(url, request(leaf)), leaf, self._now())
            except Revoked:
                raise
            except Refused as refused:
                reasons.append(f"{url}: {refused}")
        raise Refused("; ".join(reasons))

    def _revoked(self, watch: Watch, said: Revoked) -> None:
        try:
            watch.revoked(said, self._now(), self._random())
        except Refused as refused:
            self._failed(watch, str(refused))
        else:
            log.error("{where} is {said}: replace the certificate", where=watch.leaf.where, said=str(said))
            self._on_disk(lambda shelf: shelf.remove(watch.leaf.fingerprint))

    def _failed(self, watch: Watch, reason: str) -> None:
        watch.failed(reason, self._now(), self._random())
        log.warn("{warning}", warning=watch.warning())

    def _on_disk(self, work: Callable[[Shelf], None]) -> None:
        """Off the reactor's thread, because disks make one wait, and one after the other."""
        if self._shelf is not None:
            self._disk.run(deferToThreadPool, self._reactor, self._reactor.getThreadPool(), work, self._shelf).addErrback(lambda failure: log.failure("OCSP responses on disk", failure))

    def _judge(self, leaves: Sequence[Leaf]) -> None:
        served = {leaf.fingerprint for leaf in self._served}
        for leaf in leaves:
            watch, is_new = self._watches[leaf], leaf.fingerprint not in served
            if watch.is_revoked and is_new and served:
                refusal = ServerError("certificate-refused", f"{leaf.where}: the certificate is {watch.problem}", "replace it")
            elif leaf.must_staple and watch.staple is None and (is_new or leaf.unaskable is not None):
                reason = f"{leaf.where}: the certificate must be stapled, and there is no OCSP response: {watch.problem}"
                refusal = ServerError("certificate-refused", reason, _remedy(leaf))
            else:
                continue
            self._keep(self._served)
            raise refusal

    def _tell(self) -> None:
        staples = self.staples
        if staples != self._told:
            self._told = staples
            self._changed(staples)

    def _tell_waiting(self) -> None:
        for each in list(self._waiting):
            leaves, waiting = each
            if waiting.called or not any(leaf in self._asking and self._lacks(leaf) for leaf in leaves):
                self._waiting.remove(each)
                if not waiting.called:
                    waiting.callback(None)

    def _lacks(self, leaf: Leaf) -> bool:
        return leaf in self._watches and self._watches[leaf].staple is None


def _remedy(leaf: Leaf) -> str:
    if leaf.unaskable is None:
        return "see to it that its responder can be reached"
    return "use a certificate without the TLS feature status_request, or put this right"
