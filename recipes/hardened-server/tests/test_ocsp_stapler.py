"""When a responder is asked, what is kept meanwhile, and for how long: over weeks, on a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.x509 import ocsp
from ocsp_pki import DAY, HOUR, refusal
from ocsp_world import ISSUER, MINUTE, World, gone
from tlsforge_server.moments import iso
from tlsforge_server.ocsp.leaf import Leaf
from tlsforge_server.ocsp.response import Refused
from twisted.internet.defer import fail


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


def test_a_staple_ends_in_time_while_somebody_is_being_asked(world: World) -> None:
    world.stapler.follow([world.leaf])
    world.pending = []
    world.pass_on(7 * DAY - MINUTE)
    assert len(world.pending) == 1
    timer: Any
    [timer] = world.clock.getDelayedCalls()
    assert timer.getTime() - world.clock.seconds() == 50
    world.clock.advance(49)
    assert world.stapled() is not None
    world.clock.advance(1)
    assert world.stapled() is None


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
