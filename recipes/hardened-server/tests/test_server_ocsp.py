"""Stapling by a whole server of two workers: from a responder to each of their handshakes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responder
from conftest import LIBSSL
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from fleet import Fleet, bundle_of, free_port, refusal, wait_for
from ocsp_pki import HOUR, Answering
from pki import Pair
from responder import openssl_responder, says, write_files
from tlsforge_server.ocsp.leaf import Leaf
from visits import Visit, command_after, met, visit, visitor

pytestmark = pytest.mark.skipif(LIBSSL is None, reason="the wheel's launcher takes no prelude")

Document = dict[str, Any]
ISSUER = Answering()


class Served:
    """A certificate of the authority that answers, in the place where the server looks for it."""

    def __init__(self, document: Document, folder: Path, *urls: str, must_staple: bool = False) -> None:
        self.certificate, key = ISSUER.pair(*urls, must_staple=must_staple)
        self.leaf: Leaf = ISSUER.leaf_of(self.certificate)
        self.fingerprint = self.certificate.fingerprint(hashes.SHA256())
        document["certificates"] = [Pair((self.certificate, ISSUER.certificate), key).write(folder)]

    def is_stapled(self, given: Visit) -> bool:
        """Whether it was shown, and OpenSSL's own reading of the staple is that it is good."""
        assert given.status == 200 and given.certificate == self.fingerprint
        if not given.staple:
            return False
        said = ocsp.load_der_ocsp_response(given.staple)
        return said.serial_number == self.certificate.serial_number and said.certificate_status is ocsp.OCSPCertStatus.GOOD


@pytest.fixture(autouse=True)
def _two(document: Document, port: int) -> None:
    document["workers"] = 2
    document["names"] = ["localhost"]


@pytest.fixture
def fleet(document: Document) -> Iterator[Fleet]:
    """Servers that ask again after a second, where a minute is usual."""
    quick = "from datetime import timedelta; from tlsforge_server.ocsp import watch; watch._BACKOFF = timedelta(seconds=1)"
    made = Fleet(command_after(quick), Path(document["paths"]["run"]))
    yield made
    made.close()


def staple_of(fleet: Fleet) -> str:
    """What the status says of the first certificate."""
    return str(fleet.status("serving")["certificates"][0]["staple"])


def at_each(fleet: Fleet, port: int) -> list[Visit]:
    """What each worker says."""
    visits = []
    for pid in (workers := fleet.status("serving")["workers"]):
        with met(pid, workers):
            visits.append(visit(port, visitor()))
    assert len(visits) == 2
    return visits


def stop(fleet: Fleet) -> None:
    process = fleet.processes[-1]
    process.terminate()
    assert process.wait(10) == 0


def test_a_staple_comes_when_the_responder_does_and_stays_when_both_have_gone(fleet: Fleet, document: Document, port: int, tmp_path: Path) -> None:
    asked = free_port()
    served = Served(document, tmp_path / "ocsp-leaf", f"http://127.0.0.1:{asked}/")
    write_files(tmp_path / "responder", ISSUER, ISSUER.direct, served.certificate)
    fleet.start(document)
    assert "cannot be asked: ConnectionRefusedError" in staple_of(fleet)
    assert "OCSP" in fleet.status("serving")["troubles"][0]
    assert [served.is_stapled(each) for each in at_each(fleet, port)] == [False] * 2
    workers = fleet.status("serving")["workers"]
    with openssl_responder(tmp_path / "responder", asked, "-nmin", "60"):
        wait_for(lambda: staple_of(fleet).startswith("good until "), 15)
    assert [served.is_stapled(each) for each in at_each(fleet, port)] == [True] * 2
    assert fleet.status("serving")["workers"] == workers and fleet.status("serving")["troubles"] == []
    until = staple_of(fleet)
    stop(fleet)
    began = time.monotonic()
    fleet.start(document)
    assert time.monotonic() - began < 5
    assert staple_of(fleet) == until
    assert [served.is_stapled(each) for each in at_each(fleet, port)] == [True] * 2


def test_without_a_responder_or_a_staple_kept_what_must_be_stapled_is_not_served(fleet: Fleet, document: Document, port: int, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(asked := free_port())}/"
    served = Served(document, tmp_path / "ocsp-leaf", url, must_staple=True)
    told = refusal(fleet.start(document, wait=False))
    assert told["code"] == "certificate-refused"
    assert url in told["message"] and str(tmp_path / "ocsp-leaf" / "chain.pem") in told["message"] and told["hint"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert [name for name in fleet.names() if name.endswith((".sock", ".pid"))] == []
    write_files(tmp_path / "responder", ISSUER, ISSUER.direct, served.certificate)
    with openssl_responder(tmp_path / "responder", asked, "-nmin", "60"):
        fleet.start(document)
        wait_for(lambda: any((tmp_path / "state" / "ocsp").glob("*.der")))
    stop(fleet)
    fleet.start(document)
    assert [served.is_stapled(each) for each in at_each(fleet, port)] == [True] * 2


@pytest.mark.parametrize("what", ["says nothing of one that must be stapled", "lies about one that must be stapled", "has revoked it"])
def test_a_reload_to_a_certificate_that_cannot_be_answered_for_changes_nothing(
    fleet: Fleet, document: Document, port: int, tmp_path: Path, what: str
) -> None:
    with responder.misbehaving() as good, responder.misbehaving() as bad:
        served = Served(document, tmp_path / "first", good.url)
        good.behaviour = says(ISSUER.answer(served.leaf))
        fleet.start(document)
        workers, until = fleet.status("serving")["workers"], staple_of(fleet)
        assert until.startswith("good until ")
        other = Served(document, tmp_path / "second", bad.url, must_staple="must" in what)
        bad.behaviour = {
            "says": responder.status(500),
            "lies": says(ISSUER.answer(served.leaf)),
            "has": says(ISSUER.answer(other.leaf, status=ocsp.OCSPCertStatus.REVOKED)),
        }[what.split()[0]]
        told = reload(fleet, {**document, "generation": 8})["error"]
        assert told["code"] == "certificate-refused" and str(tmp_path / "second" / "chain.pem") in told["message"]
        assert fleet.status("serving")["lastError"] == told["message"]
        assert [served.is_stapled(each) for each in at_each(fleet, port)] == [True] * 2
        assert (fleet.status("serving")["workers"], fleet.status("serving")["generation"], staple_of(fleet)) == (workers, 7, until)
        bad.behaviour = says(ISSUER.answer(other.leaf))
        time.sleep(1.1)
        assert reload(fleet, {**document, "generation": 9})["ok"] is True, "when it answers as it should"
        assert [other.is_stapled(each) for each in at_each(fleet, port)] == [True] * 2


def reload(fleet: Fleet, document: Document) -> dict[str, Any]:
    return fleet.ask("serving", "reload", bundle=bundle_of(document))


def test_a_responder_that_stalls_delays_no_handshake(fleet: Fleet, document: Document, port: int, tmp_path: Path) -> None:
    """Neither while it is asked again for what is served, nor while a reload waits for what it says of another."""
    with responder.misbehaving() as server:
        served = Served(document, tmp_path / "first", server.url)
        # Past half of its time, so that it is asked again soon.
        server.behaviour = says(ISSUER.answer(served.leaf, start=-3 * HOUR, end=2 * HOUR))
        fleet.start(document)
        assert staple_of(fleet).startswith("good until ")
        server.behaviour = responder.stalls_after(b"HTTP/1.1 200 OK\r\n")
        asked = server.asked
        wait_for(lambda: server.asked > asked, 15)
        visits = [visit(port, visitor()) for _time in range(30)]
        assert all(served.is_stapled(each) for each in visits)
        assert max(each.seconds for each in visits) < 0.5
        other = Served(document, tmp_path / "second", server.url)
        answers: list[dict[str, Any]] = []
        reloading = threading.Thread(target=lambda: answers.append(reload(fleet, {**document, "generation": 8})))
        reloading.start()
        meanwhile: list[Visit] = []
        while reloading.is_alive():
            meanwhile.append(visit(port, visitor()))
            time.sleep(0.02)
        reloading.join()
        assert len(meanwhile) > 20 and max(each.seconds for each in meanwhile) < 0.5, "the reload takes 5 s"
        assert answers[0]["ok"] is True
        # Served without: nothing says that it has to be stapled.
        assert [other.is_stapled(each) for each in at_each(fleet, port)] == [False] * 2
        server.behaviour = says(ISSUER.answer(other.leaf))
        wait_for(lambda: staple_of(fleet).startswith("good until "), 20)
        assert [other.is_stapled(each) for each in at_each(fleet, port)] == [True] * 2
