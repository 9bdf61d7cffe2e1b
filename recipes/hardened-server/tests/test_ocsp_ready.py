"""What may be served, and with what: at start, and when a reload puts others in the place of those that are served."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.x509 import ocsp
from ocsp_pki import DAY, HOUR
from ocsp_world import ISSUER, MINUTE, World, gone
from tlsforge_server.errors import ServerError
from tlsforge_server.ocsp.leaf import Leaf


@pytest.fixture
def world() -> World:
    return World()


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
    fired: list[None] = []
    world.stapler.ready([world.leaf], 5).addCallback(fired.append)
    world.clock.advance(4.9)
    assert len(fired) == 0
    world.clock.advance(0.2)
    assert len(fired) == 1
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


def test_nobody_waits_for_a_later_one(world: World) -> None:
    world.stapler.follow([world.leaf])
    world.pending = []
    world.pass_on(4 * DAY)
    assert len(world.pending) == 1
    assert world.stapler.ready([world.leaf], 5).called


@pytest.mark.parametrize("reason", ["gone", "late", "off", "no responder", "revoked"])
def test_must_staple_is_not_served_without(world: World, reason: str) -> None:
    world.leaf = ISSUER.leaf(must_staple=True)
    if reason == "off":
        world.leaf = ISSUER.leaf_of(ISSUER.pair("http://127.0.0.1:9/", must_staple=True)[0], "off")
    if reason == "no responder":
        world.leaf = ISSUER.leaf_of(ISSUER.pair(must_staple=True)[0])
    world.answer = (lambda leaf: world.good(leaf, status=ocsp.OCSPCertStatus.REVOKED)) if reason == "revoked" else gone
    world.pending = [] if reason == "late" else None
    refused = refusal_of(world, [world.leaf])
    assert refused is not None and refused.code == "certificate-refused"
    assert refused.message.startswith("chain.pem: the certificate must be stapled, and there is no OCSP response: ")
    assert refused.hint is not None
    assert not world.stapler.staples


def test_must_staple_cannot_be_switched_off_by_a_reload(world: World) -> None:
    certificate = ISSUER.pair("http://127.0.0.1:9/", must_staple=True)[0]
    world.leaf = ISSUER.leaf_of(certificate)
    world.stapler.follow([world.leaf])
    refused = refusal_of(world, [ISSUER.leaf_of(certificate, "off")])
    assert refused is not None and refused.message.endswith("there is no OCSP response: stapling is off")
    assert world.stapled() is not None


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
    world.leaf = ISSUER.leaf_of(ISSUER.pair(*urls)[0], mode)
    assert refusal_of(world, [world.leaf]) is None
    world.stapler.follow([world.leaf])
    world.pass_on(HOUR)
    assert world.asked == []
    assert world.status() == status
    assert bool(world.stapler.warnings()) == warns


def test_switching_it_off_takes_the_staple_away(world: World) -> None:
    certificate = ISSUER.pair("http://a.example/")[0]
    world.leaf = ISSUER.leaf_of(certificate)
    world.stapler.follow([world.leaf])
    assert world.stapled() is not None
    world.stapler.follow([ISSUER.leaf_of(certificate, "off")])
    assert world.stapled() is None
