"""From a responder over HTTP to a client's handshake, with the real reactor and a disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responder
from client import carry_out
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from fleet import free_port
from ocsp_pki import DAY, HOUR, Answering, refusal
from OpenSSL import SSL
from reactors import reactor, run
from responder import OPENSSL, Behaviour, drips, endless, openssl_responder, says, status, write_files
from tlsforge_server.errors import ServerError
from tlsforge_server.ocsp import fetch as by_http
from tlsforge_server.moments import iso
from tlsforge_server.ocsp.leaf import Leaf
from tlsforge_server.ocsp.message import packed, unpacked
from tlsforge_server.ocsp.stapler import Stapler
from twisted.internet.task import LoopingCall

__all__ = ["reactor"]
ISSUER = Answering()
Make = Callable[[], Stapler]


@pytest.fixture
def make(reactor: Any, tmp_path: Path) -> Iterator[Make]:
    """Staplers with one folder, as processes that follow one another have it."""
    made: list[Stapler] = []

    def one() -> Stapler:
        made.append(Stapler(reactor, folder=tmp_path / "ocsp", changed=lambda _staples: None))
        return made[-1]

    yield one
    for each in made:
        run(reactor, each.pause)


def serve(reactor: Any, stapler: Stapler, leaf: Leaf) -> str | None:
    """As a start does; returns the status."""
    run(reactor, stapler.ready, [leaf], 5.0)
    run(reactor, stapler.follow, [leaf])
    return stapler.status(leaf.fingerprint)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("delegated", [False, True])
def test_from_openssl_s_responder_to_a_client(make: Make, reactor: Any, tmp_path: Path, delegated: bool) -> None:
    folder = tmp_path / "responder"
    signer = ISSUER.delegate() if delegated else ISSUER.direct
    port = free_port()
    certificate, key = ISSUER.pair(f"http://127.0.0.1:{port}/")
    leaf, stapler = ISSUER.leaf_of(certificate), make()
    write_files(folder, ISSUER, signer, certificate)
    with openssl_responder(folder, port, "-nmin", "60"):
        assert (serve(reactor, stapler, leaf) or "").startswith("good until ")
    given = handshake(certificate, key, unpacked(packed(stapler.staples)))
    assert given == stapler.staples[leaf.fingerprint]
    assert is_good(tmp_path, certificate, given)


def handshake(certificate: x509.Certificate, key: Any, staples: Mapping[bytes, bytes]) -> bytes:
    """What a client that asks for it is given."""
    given: list[bytes] = []
    server_context, client_context = SSL.Context(SSL.TLS_SERVER_METHOD), SSL.Context(SSL.TLS_CLIENT_METHOD)
    server_context.use_certificate(certificate)
    server_context.use_privatekey(key)
    server_context.set_ocsp_server_callback(lambda _connection, _data: staples.get(certificate.fingerprint(hashes.SHA256()), b""))

    def take(_connection: SSL.Connection, data: bytes, _mine: object) -> bool:
        given.append(data)
        return True

    client_context.set_ocsp_client_callback(take)
    server, client = SSL.Connection(server_context), SSL.Connection(client_context)
    server.set_accept_state()
    client.set_connect_state()
    client.request_ocsp()
    carry_out(client, server)
    [staple] = given
    return staple


def is_good(folder: Path, certificate: x509.Certificate, staple: bytes) -> bool:
    """What OpenSSL's own check of a response says."""
    (folder / "staple.der").write_bytes(staple)
    (folder / "leaf.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "ca.pem").write_bytes(ISSUER.certificate.public_bytes(serialization.Encoding.PEM))
    command = [OPENSSL, "ocsp", "-respin", "staple.der", "-issuer", "ca.pem", "-cert", "leaf.pem", "-CAfile", "ca.pem", "-no_nonce"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    return "Response verify OK" in said.stderr and "leaf.pem: good" in said.stdout


def test_openssl_s_responder_says_revoked(make: Make, reactor: Any, tmp_path: Path) -> None:
    port = free_port()
    leaf, stapler = ISSUER.leaf(f"http://127.0.0.1:{port}/"), make()
    write_files(tmp_path / "responder", ISSUER, ISSUER.direct, leaf.certificate, revoked=ISSUER.now - HOUR)
    with openssl_responder(tmp_path / "responder", port, "-nmin", "60"):
        said = serve(reactor, stapler, leaf)
    assert (said or "").startswith("none: revoked at ")
    assert stapler.staples == {}


def test_a_restart_keeps_it_without_a_responder(make: Make, reactor: Any, tmp_path: Path) -> None:
    with responder.misbehaving() as server:
        leaf = ISSUER.leaf(server.url, must_staple=True)
        server.behaviour = says(ISSUER.answer(leaf))
        first = make()
        assert (serve(reactor, first, leaf) or "").startswith("good until ")
        wait_for(lambda: list((tmp_path / "ocsp").glob("*.der")))
        run(reactor, first.pause)
        asked = server.asked
    second = make()
    began = time.monotonic()
    assert serve(reactor, second, leaf) == first.status(leaf.fingerprint)
    assert time.monotonic() - began < 1
    assert second.staples == first.staples
    assert asked == 1


def test_a_revocation_leaves_nothing_on_disk(make: Make, reactor: Any, tmp_path: Path) -> None:
    with responder.misbehaving() as server:
        leaf = ISSUER.leaf(server.url)
        server.behaviour = says(ISSUER.answer(leaf, start=-3 * HOUR, end=2 * HOUR))
        serve(reactor, make(), leaf)
        wait_for(lambda: list((tmp_path / "ocsp").glob("*.der")))
        server.behaviour = says(ISSUER.answer(leaf, status=ocsp.OCSPCertStatus.REVOKED))
        second = make()
        # It is past half of its time, so the second asks at once.
        serve(reactor, second, leaf)
        wait_for(lambda: not list((tmp_path / "ocsp").glob("*.der")))
        wait_for(lambda: second.staples == {})


def test_gone_for_a_week(reactor: Any, tmp_path: Path) -> None:
    """By a clock of its own: what is kept is stapled to its end by this process and by one that starts meanwhile, and by none after it."""
    port, began, passed = free_port(), ISSUER.now, timedelta(0)
    leaf = ISSUER.leaf(f"http://127.0.0.1:{port}/")

    def make() -> Stapler:
        return Stapler(reactor, folder=tmp_path / "ocsp", changed=lambda _staples: None, now=lambda: began + passed)

    def go_on(stapler: Stapler) -> None:
        run(reactor, stapler.pause)
        run(reactor, stapler.resume)

    stapler = make()
    with responder.misbehaving(port) as server:
        server.behaviour = says(ISSUER.answer(leaf, now=began, end=7 * DAY))
        serve(reactor, stapler, leaf)
        wait_for(lambda: list(tmp_path.glob("ocsp/*.der")))
    first = stapler.staples[leaf.fingerprint]
    passed = 6 * DAY
    go_on(stapler)
    wait_for(stapler.warnings)
    assert "cannot be asked: ConnectionRefusedError" in stapler.warnings()[0]
    assert stapler.staples == {leaf.fingerprint: first}
    run(reactor, stapler.pause)
    stapler = make()
    assert serve(reactor, stapler, leaf) == f"good until {iso(began + 7 * DAY)}"
    passed = 7 * DAY
    go_on(stapler)
    assert stapler.staples == {}
    run(reactor, stapler.pause)
    stapler = make()
    assert (serve(reactor, stapler, leaf) or "").startswith("none: ")
    assert not list(tmp_path.glob("ocsp/*"))
    with responder.misbehaving(port) as server:
        passed = 7 * DAY + 2 * HOUR
        server.behaviour = says(ISSUER.answer(leaf, now=began + passed, end=7 * DAY))
        go_on(stapler)
        wait_for(lambda: stapler.staples)
    assert stapler.status(leaf.fingerprint) == f"good until {iso(began + passed + 7 * DAY)}"
    wait_for(lambda: list(tmp_path.glob("ocsp/*.der")))
    run(reactor, stapler.pause)


LEAF = ISSUER.leaf()
MISBEHAVIOUR: dict[str, Callable[[Leaf], Behaviour]] = {
    "lies about the serial": lambda _leaf: says(ISSUER.answer(LEAF)),
    "an impostor": lambda leaf: says(ISSUER.answer(leaf, signer=Answering().direct, by_key=False)),
    "expired": lambda leaf: says(ISSUER.answer(leaf, end=timedelta(0))),
    "from the future": lambda leaf: says(ISSUER.answer(leaf, start=HOUR)),
    "tryLater": lambda _leaf: says(refusal(ocsp.OCSPResponseStatus.TRY_LATER)),
    "unauthorized": lambda _leaf: says(refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)),
    "garbage": lambda _leaf: says(b"<html>"),
    "the right answer with another status": lambda leaf: lambda client: client.sendall(says_with(503, ISSUER.answer(leaf))),
    "megabytes": lambda _leaf: says(b"\0" * 5_000_000),
    "without end": lambda _leaf: endless(b"HTTP/1.1 200 OK\r\n\r\n", b"\0" * 65536),
    "drips the right answer": lambda leaf: drips(ISSUER.answer(leaf), 0.02),
    "stalls": lambda _leaf: responder.stalls_after(b""),
    "closes": lambda _leaf: responder.closes,
    "a ring": lambda _leaf: status(302, "Location: /ocsp"),
    "to https": lambda _leaf: status(302, "Location: https://127.0.0.1:9/"),
    "to a file": lambda _leaf: status(302, "Location: file:///etc/hostname"),
}


def says_with(code: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Because\r\nContent-Length: %d\r\n\r\n%b" % (code, len(body), body)


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_a_misbehaving_responder(make: Make, reactor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Nothing is stapled or kept, must-staple is refused, the reactor goes on meanwhile, and another responder is asked after it."""
    monkeypatch.setattr(by_http, "SECONDS", 0.6)
    with responder.misbehaving() as bad, responder.misbehaving() as good:
        must = ISSUER.leaf(bad.url, must_staple=True)
        bad.behaviour = MISBEHAVIOUR[what](must)
        stapler = make()
        with Turns(reactor) as turn, pytest.raises(ServerError) as refused:
            serve(reactor, stapler, must)
        assert refused.value.code == "certificate-refused"
        assert bad.url in refused.value.message
        assert stapler.staples == {}
        assert not list(tmp_path.glob("ocsp/*"))
        assert turn() < 0.3, "a blocking fetch would take 0.6 s"
        leaf = ISSUER.leaf(bad.url, good.url)
        bad.behaviour, good.behaviour = MISBEHAVIOUR[what](leaf), says(ISSUER.answer(leaf))
        assert (serve(reactor, stapler, leaf) or "").startswith("good until ")
        assert set(stapler.staples) == {leaf.fingerprint}


def test_a_disk_that_is_slow_holds_up_nothing(make: Make, reactor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _descriptor: time.sleep(0.3))
    with responder.misbehaving() as server:
        leaf = ISSUER.leaf(server.url)
        server.behaviour = says(ISSUER.answer(leaf))
        with Turns(reactor) as turn:
            assert (serve(reactor, make(), leaf) or "").startswith("good until ")
            assert not list(tmp_path.glob("ocsp/*.der"))
            wait_for(lambda: list(tmp_path.glob("ocsp/*.der")))
            time.sleep(0.35)
    assert turn() < 0.2, "the disk takes 0.3 s"


class Turns:
    """Measures for how long the reactor did not come round, in seconds."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._longest = 0.0
        self._last = 0.0
        self._loop = LoopingCall(self._look)

    def __enter__(self) -> Callable[[], float]:
        self._last = time.monotonic()
        self._loop.clock = self._reactor
        run(self._reactor, lambda: self._loop.start(0.005) and None)
        return lambda: self._longest

    def __exit__(self, *_error: object) -> None:
        run(self._reactor, self._loop.stop)

    def _look(self) -> None:
        now = time.monotonic()
        self._longest, self._last = max(self._longest, now - self._last), now


def test_the_measure_measures(reactor: Any) -> None:
    with Turns(reactor) as turn:
        run(reactor, time.sleep, 0.1)
    assert turn() >= 0.09


def test_nothing_is_left_when_it_is_over(make: Make, reactor: Any) -> None:
    with responder.misbehaving() as server:
        server.behaviour = responder.stalls_after(b"")
        stapler = make()
        run(reactor, stapler.follow, [ISSUER.leaf(server.url)])
        wait_for(lambda: server.asked)
        run(reactor, stapler.pause)
        assert server.ended.wait(3), "the connection is still open"
    wait_for(lambda: not run(reactor, reactor.getDelayedCalls))
