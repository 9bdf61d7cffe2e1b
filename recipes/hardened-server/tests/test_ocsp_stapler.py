"""When a responder is asked, what is kept meanwhile, and for how long: over weeks, on a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.x509 import ocsp
from ocsp_pki import DAY, HOUR, Answering, refusal
from tlsforge_server.errors import ServerError
from tlsforge_server.ocsp import leaf as leaves
from tlsforge_server.ocsp.leaf import Leaf
from tlsforge_server.ocsp.response import Refused, iso
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


@pytest.fixture
def world() -> World:
    return World()


def gaps(asked: list[datetime]) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in zip(asked, asked[1:], strict=False)]


def test_who_is_served_is_stapled_at_once(world: World) -> None:
    world.stapler.follow([world.leaf])
    assert world.stapled() is not None
    assert world.status() == f"good until {iso(world.began + 7 * DAY)}"
    assert world.stapler.warnings() == []


def test_it_asks_again_at_half_of_the_time(world: World) -> None:
    world.stapler.follow([world.leaf])
    world.pass_on(3 * DAY + 11 * HOUR)
    assert len(world.asked) == 1
    first = world.stapled()
    world.pass_on(2 * HOUR)
    assert len(world.asked) == 2
    assert world.stapled() != first
    assert world.status() == f"good until {iso(world.asked[1] + 7 * DAY)}"


def test_chance_spreads_who_asks() -> None:
    world = World(chance=1.0)
    world.stapler.follow([world.leaf])
    world.pass_on(5 * DAY)
    assert abs(world.asked[1] - world.began - (3.5 * DAY + 3.5 * DAY / 8)) <= MINUTE


def test_gone_for_a_week(world: World) -> None:
    """The old one is stapled to its end and not beyond it; the responder is asked ever less often, and believed when it is back."""
    world.stapler.follow([world.leaf])
    first = world.stapled()
    world.pass_on(3 * DAY + 11 * HOUR)
    world.answer = gone
    world.pass_on(3 * DAY + 12 * HOUR + 59 * MINUTE)
    assert world.stapled() == first
    assert world.status() == f"good until {iso(world.began + 7 * DAY)}"
    assert world.stapler.warnings() == [
        f"chain.pem: OCSP: http://127.0.0.1:9/: the responder cannot be asked: it is gone; stapled is one that is good until {iso(world.began + 7 * DAY)}"
    ]
    world.clock.advance(49)
    assert world.stapled() == first
    world.clock.advance(1)
    assert world.stapled() is None
    status = world.status()
    assert status is not None and status.startswith(f"none: the last was good until {iso(world.began + 7 * DAY)}; http://127.0.0.1:9/: ")
    world.pass_on(4 * DAY)
    assert gaps(world.asked)[1:7] == [60, 120, 240, 480, 960, 1920]
    assert all(3600 <= gap <= 3660 for gap in gaps(world.asked)[7:])
    world.answer = world.good
    world.pass_on(HOUR)
    assert world.stapled() not in (None, first)
    assert world.stapler.warnings() == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _leaf: refusal(ocsp.OCSPResponseStatus.TRY_LATER),
        lambda _leaf: b"<html>",
        lambda leaf: ISSUER.answer(leaf, status=ocsp.OCSPCertStatus.UNKNOWN),
        lambda _leaf: ISSUER.answer(ISSUER.leaf()),
    ],
)
def test_what_is_wrong_is_never_stapled_and_takes_nothing_away(world: World, wrong: Callable[[Leaf], bytes]) -> None:
    world.stapler.follow([world.leaf])
    first = world.stapled()
    world.answer = wrong
    world.pass_on(4 * DAY)
    assert len(world.asked) > 3
    assert world.stapled() == first
    assert len(world.changes) == 1


def test_revoked_takes_the_staple_away_at_once(world: World) -> None:
    world.stapler.follow([world.leaf])
    earlier = world.stapled()
    assert earlier is not None
    world.pass_on(DAY)
    old = world.good(world.leaf)
    world.pass_on(2 * DAY)
    world.answer = lambda leaf: world.good(leaf, status=ocsp.OCSPCertStatus.REVOKED)
    world.pass_on(DAY)
    assert world.stapled() is None
    status = world.status()
    assert status is not None and status.startswith("none: revoked at ") and status.endswith(" (keyCompromise)")
    assert world.stapler.warnings() == [f"chain.pem: OCSP: {status.removeprefix('none: ')}"]
    # An answer from before that is still good, as somebody on the way may have kept it.
    world.answer = lambda _leaf: old
    world.pass_on(DAY)
    assert world.stapled() is None
    world.answer = world.good
    world.pass_on(2 * HOUR)
    assert world.stapled() is not None


def test_an_answer_older_than_the_last_is_not_taken(world: World) -> None:
    world.stapler.follow([world.leaf])
    first = world.stapled()
    world.answer = lambda leaf: world.good(leaf, age=5 * DAY)
    world.pass_on(4 * DAY)
    assert world.stapled() == first
    assert "older than that of" in world.stapler.warnings()[0]


def test_a_responder_that_repeats_itself_is_not_hammered(world: World) -> None:
    """One that makes an answer once a week gives it again until then."""
    kept = world.good(world.leaf)
    world.answer = lambda _leaf: kept
    world.stapler.follow([world.leaf])
    world.pass_on(6 * DAY)
    assert min(gaps(world.asked)) >= 60
    assert len(world.asked) < 75
    assert world.stapler.warnings() == []


def test_each_responder_of_a_certificate_is_tried(world: World) -> None:
    world.leaf = ISSUER.leaf("http://a.example/", "http://b.example/")
    world.answer = gone
    world.stapler.follow([world.leaf])
    assert world.urls == ["http://a.example/", "http://b.example/"]
    assert world.status() == "none: http://a.example/: the responder cannot be asked: it is gone; http://b.example/: the responder cannot be asked: it is gone"


def test_a_bug_is_told_and_does_not_end_it(world: World) -> None:
    def broken(_leaf: Leaf) -> bytes:
        raise Refused("later")

    world.answer = broken
    world.stapler.follow([world.leaf])
    world.stapler._fetch = lambda _url, _request: fail(ZeroDivisionError("of ours"))
    world.pass_on(2 * MINUTE)
    assert world.status() == "none: ZeroDivisionError: of ours"


def test_a_clock_that_is_put_forward_drops_what_has_expired(world: World) -> None:
    world.stapler.follow([world.leaf])
    world.answer = gone
    world.set_by = 8 * DAY
    world.clock.advance(60)
    assert world.stapled() is None


def test_a_clock_that_is_put_back_stops_nothing(world: World) -> None:
    world.set_by = 365 * DAY
    world.answer = gone
    world.stapler.follow([world.leaf])
    world.pass_on(2 * HOUR)
    asked = len(world.asked)
    world.answer = world.good
    world.set_by = timedelta(0)
    world.clock.advance(60)
    assert len(world.asked) == asked + 1
    assert world.stapled() is not None


def test_reloads_ask_nobody_for_what_is_known(world: World) -> None:
    for _ in range(100):
        ready = world.stapler.ready([world.leaf], 5)
        assert ready.called
        world.stapler.follow([world.leaf])
    assert len(world.asked) == 1
    assert len(world.changes) == 1


def test_a_reload_tries_again_but_not_all_the_time(world: World) -> None:
    """Who has put the firewall right does not wait for an hour."""
    world.answer = gone
    world.stapler.follow([world.leaf])
    world.pass_on(3 * HOUR)
    world.pass_on(10 * MINUTE)
    asked = len(world.asked)
    world.answer = world.good
    world.stapler.ready([world.leaf], 5)
    assert len(world.asked) == asked + 1
    assert world.stapled() is not None
    world.answer = gone
    world.leaf = ISSUER.leaf()
    for _ in range(100):
        world.stapler.ready([world.leaf], 5)
    assert len(world.asked) == asked + 2


def test_ready_waits_for_the_answer_and_no_longer_than_it_may(world: World) -> None:
    world.pending = []
    ready = world.stapler.ready([world.leaf], 5)
    world.clock.advance(4.9)
    assert not ready.called
    world.clock.advance(0.2)
    assert ready.called
    world.stapler.follow([world.leaf])
    assert world.status() == "none: not asked yet"
    world.pending[0].callback(world.good(world.leaf))
    assert world.stapled() is not None

    other = ISSUER.leaf()
    ready = world.stapler.ready([world.leaf, other], 5)
    world.pending[1].callback(world.good(other))
    assert ready.called
    # Before it is served: whoever makes the context for it finds it there.
    assert set(world.changes[-1]) == {world.leaf.fingerprint, other.fingerprint}


@pytest.mark.parametrize("reason", ["gone", "late", "off", "no responder", "revoked"])
def test_must_staple_is_not_served_without(world: World, reason: str) -> None:
    world.leaf = ISSUER.leaf(must_staple=True)
    if reason == "off":
        world.leaf = leaves.of(ISSUER.pair("http://127.0.0.1:9/", must_staple=True)[0], "chain.pem", "off")
    if reason == "no responder":
        world.leaf = leaves.of(ISSUER.pair(must_staple=True)[0], "chain.pem")
    world.answer = (lambda leaf: world.good(leaf, status=ocsp.OCSPCertStatus.REVOKED)) if reason == "revoked" else gone
    world.pending = [] if reason == "late" else None
    refused = refusal_of(world, [world.leaf])
    assert refused is not None and refused.code == "certificate-refused"
    assert refused.message.startswith("chain.pem: the certificate must be stapled, and there is no OCSP response: ")
    assert refused.hint is not None
    assert not world.stapler.staples


def test_must_staple_is_served_with_one(world: World) -> None:
    world.leaf = ISSUER.leaf(must_staple=True)
    assert refusal_of(world, [world.leaf]) is None


def test_a_must_staple_that_is_served_and_has_lost_it_stops_no_reload(world: World) -> None:
    """There is nothing better to stay with; it is in the warnings."""
    world.leaf = ISSUER.leaf(must_staple=True)
    world.stapler.follow([world.leaf])
    world.answer = gone
    world.pass_on(8 * DAY, HOUR)
    assert world.stapled() is None
    assert refusal_of(world, [world.leaf]) is None
    assert len(world.stapler.warnings()) == 1


def test_a_revoked_pair_does_not_take_the_place_of_another(world: World) -> None:
    world.stapler.follow([world.leaf])
    first = world.changes[-1]
    other = ISSUER.leaf()
    world.answer = lambda _leaf: world.good(other, status=ocsp.OCSPCertStatus.REVOKED)
    refused = refusal_of(world, [other])
    assert refused is not None and refused.message.startswith("chain.pem: the certificate is revoked at ")
    assert world.stapler.staples == first
    assert world.status() is not None and world.stapler.status(other.fingerprint) is None


def test_a_revoked_pair_without_another_is_served_and_told(world: World) -> None:
    world.answer = lambda leaf: world.good(leaf, status=ocsp.OCSPCertStatus.REVOKED)
    assert refusal_of(world, [world.leaf]) is None
    world.stapler.follow([world.leaf])
    assert (world.status() or "").startswith("none: revoked at")


def refusal_of(world: World, leaves: list[Leaf]) -> ServerError | None:
    results: list[Any] = []
    world.stapler.ready(leaves, 5).addBoth(results.append)
    world.clock.advance(6)
    [result] = results
    if result is None:
        return None
    assert isinstance(result.value, ServerError)
    return result.value


def test_what_is_not_served_any_more_is_let_go(world: World) -> None:
    world.stapler.follow([world.leaf])
    other = ISSUER.leaf()
    world.pending = []
    world.stapler.follow([other])
    assert world.changes[-1] == {}
    called_off: list[Any] = []
    world.pending[0].addErrback(called_off.append)
    world.stapler.follow([])
    assert world.pending[0].called
    world.pass_on(10 * DAY, HOUR)
    assert len(world.asked) == 2
    assert world.stapler.warnings() == []


@pytest.mark.parametrize(
    ("mode", "urls", "status", "warns"),
    [
        ("off", ("http://a.example/",), None, False),
        ("auto", (), None, False),
        ("auto", ("ldap://a.example/",), "none: the certificate names no responder by http: ldap://a.example/", True),
    ],
)
def test_nobody_is_asked_where_there_is_nobody_to_ask(world: World, mode: Any, urls: tuple[str, ...], status: str | None, warns: bool) -> None:
    world.leaf = leaves.of(ISSUER.pair(*urls)[0], "chain.pem", mode)
    assert refusal_of(world, [world.leaf]) is None
    world.stapler.follow([world.leaf])
    world.pass_on(HOUR)
    assert world.asked == []
    assert world.status() == status
    assert bool(world.stapler.warnings()) == warns


def test_switching_it_off_takes_the_staple_away(world: World) -> None:
    chain = ISSUER.pair("http://a.example/")[0]
    world.leaf = leaves.of(chain, "chain.pem")
    world.stapler.follow([world.leaf])
    assert world.stapled() is not None
    world.stapler.follow([leaves.of(chain, "chain.pem", "off")])
    assert world.stapled() is None


def test_a_pause_is_quiet_and_going_on_is_up_to_date(world: World) -> None:
    world.stapler.follow([world.leaf])
    world.stapler.pause()
    world.pass_on(10 * DAY, HOUR)
    assert (len(world.asked), len(world.changes)) == (1, 1)
    assert world.clock.getDelayedCalls() == []
    world.answer = gone
    world.stapler.resume()
    assert world.stapled() is None
    assert len(world.asked) == 2


def test_a_pause_calls_off_what_is_asked(world: World) -> None:
    world.pending = []
    world.stapler.follow([world.leaf])
    world.stapler.pause()
    assert world.pending[0].called
    assert world.clock.getDelayedCalls() == []
    world.stapler.resume()
    world.pending[1].callback(world.good(world.leaf))
    assert world.stapled() is not None
