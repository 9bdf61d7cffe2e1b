"""What is stapled has been judged as a client judges it; everything else is refused, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from ocsp_pki import DAY, HOUR, Answering, Signer, refusal
from responder import openssl_answer, write_files
from tlsforge_server.ocsp import leaf as leaves
from tlsforge_server.ocsp.leaf import Leaf, request
from tlsforge_server.ocsp.response import Refused, Revoked, Staple, TooEarly, verified

ISSUER = Answering()
LEAF = ISSUER.leaf()


def refused(der: bytes, leaf: Leaf = LEAF, now: datetime | None = None) -> str:
    with pytest.raises(Refused) as error:
        verified(der, leaf, now or ISSUER.now)
    return str(error.value)


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
@pytest.mark.parametrize("delegated", [False, True])
@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("identified_by", [hashes.SHA1(), hashes.SHA256()], ids=["sha1", "sha256"])
def test_a_right_answer_is_taken(kind: str, delegated: bool, by_key: bool, identified_by: hashes.HashAlgorithm) -> None:
    authority = Answering(kind)
    leaf, now = authority.leaf(), authority.now
    der = authority.answer(leaf, signer=authority.delegate() if delegated else None, now=now, by_key=by_key, identified_by=identified_by)
    staple = verified(der, leaf, now)
    assert staple == Staple(der, leaf.fingerprint, now - HOUR, now + 4 * DAY)
    assert staple.refresh_at == now - HOUR + (4 * DAY + HOUR) / 2


def test_nothing_lasts_longer_than_its_signer_and_its_leaf() -> None:
    signer = ISSUER.delegate(end=5 * HOUR)
    staple = verified(ISSUER.answer(LEAF, signer=signer), LEAF, ISSUER.now)
    assert staple.good_until == signer.certificate.not_valid_after_utc
    assert staple.refresh_at == staple.this_update + (staple.good_until - staple.this_update) / 2
    short = ISSUER.leaf(end=3 * HOUR)
    assert verified(ISSUER.answer(short), short, ISSUER.now).good_until == short.certificate.not_valid_after_utc


def test_a_long_answer_is_refreshed_before_browsers_find_it_old() -> None:
    staple = verified(ISSUER.answer(LEAF, end=30 * DAY), LEAF, ISSUER.now)
    assert staple.refresh_at == staple.this_update + 4 * DAY


STRANGER = Answering(name="stranger")
#: Another key under the issuer's name.
IMPOSTOR = Answering()

WRONG: list[tuple[str, Callable[[], bytes]]] = [
    ("cannot be read as OCSP", lambda: b""),
    ("cannot be read as OCSP", lambda: b"<html>down for maintenance</html>"),
    ("cannot be read as OCSP", lambda: ISSUER.answer(LEAF)[:-1]),
    ("cannot be read as OCSP", lambda: ISSUER.answer(LEAF) + b"\0"),
    *((f"the responder answers {each.name}", lambda each=each: refusal(each)) for each in ocsp.OCSPResponseStatus if each.name != "SUCCESSFUL"),
    ("for another certificate, serial", lambda: ISSUER.answer(ISSUER.leaf())),
    ("of another issuer", lambda: ISSUER.answer(LEAF, issuer=STRANGER.certificate)),
    ("of another issuer", lambda: ISSUER.answer(LEAF, issuer=IMPOSTOR.certificate)),
    ("names the certificate by sha512", lambda: ISSUER.answer(LEAF, identified_by=hashes.SHA512())),
    ("was good until", lambda: ISSUER.answer(LEAF, end=timedelta(0))),
    ("from the future", lambda: ISSUER.answer(LEAF, start=timedelta(seconds=330))),
    ("from the future", lambda: ISSUER.answer(LEAF, now=ISSUER.now + HOUR, start=-2 * HOUR)),
    ("does not say until when", lambda: ISSUER.answer(LEAF, end=None)),
    ("does not know the certificate", lambda: ISSUER.answer(LEAF, status=ocsp.OCSPCertStatus.UNKNOWN)),
    ("revoked at", lambda: ISSUER.answer(LEAF, status=ocsp.OCSPCertStatus.REVOKED)),
    ("signature is wrong", lambda: ISSUER.answer(LEAF, signer=IMPOSTOR.direct, by_key=False)),
    ("without its signer's certificate", lambda: ISSUER.answer(LEAF, signer=STRANGER.direct)),
    ("has no certificate of the issuer", lambda: ISSUER.answer(LEAF, signer=Signer(STRANGER.certificate, STRANGER.key, sent=1))),
    ("has no certificate of the issuer", lambda: ISSUER.answer(LEAF, signer=STRANGER.delegate())),
    ("has no certificate of the issuer", lambda: ISSUER.answer(LEAF, signer=IMPOSTOR.delegate())),
    ("not for signing responses", lambda: ISSUER.answer(LEAF, signer=ISSUER.delegate(purpose=None))),
    ("not for signing responses", lambda: ISSUER.answer(LEAF, signer=ISSUER.delegate(purpose=ExtendedKeyUsageOID.SERVER_AUTH))),
    ("signer is valid from", lambda: ISSUER.answer(LEAF, signer=ISSUER.delegate(end=-HOUR))),
    ("signer is valid from", lambda: ISSUER.answer(LEAF, signer=ISSUER.delegate(start=HOUR))),
    ("is signed by ecdsa-with-SHA224", lambda: ISSUER.answer(LEAF, signed_with=hashes.SHA224())),
    ("16384 are the most", lambda: ISSUER.answer(LEAF, signer=replace(ISSUER.delegate(), sent=50))),
    ("critical extension", lambda: with_critical_extension()),
]


def test_nothing_good_is_said_of_an_expired_certificate() -> None:
    expired = ISSUER.leaf(end=timedelta(0))
    assert "was valid until" in refused(ISSUER.answer(expired), expired)


@pytest.mark.parametrize(("reason", "make"), WRONG)
def test_a_wrong_answer_is_refused(reason: str, make: Callable[[], bytes]) -> None:
    assert reason in refused(make())


def with_critical_extension() -> bytes:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    assert LEAF.issuer is not None
    now = ISSUER.now
    builder = ocsp.OCSPResponseBuilder().add_response(LEAF.certificate, LEAF.issuer, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, now, now + DAY, None, None)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, ISSUER.certificate).add_extension(unknown, critical=True)
    return builder.sign(ISSUER.direct.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_every_byte_counts() -> None:
    """Even that which says how many bits of the signature's last byte count, where the last is 0 anyway."""
    der = next(each for each in (ISSUER.answer(LEAF) for _ in range(100)) if each[-1] % 2 == 0)
    for position in range(len(der)):
        changed = bytearray(der)
        changed[position] ^= 1
        refused(bytes(changed))


def test_times_that_contradict_each_other_are_refused() -> None:
    assert "contradict each other" in refused(ISSUER.answer(LEAF, now=ISSUER.now + HOUR, start=-2 * HOUR, end=timedelta(0)))


def test_an_answer_of_a_small_key_is_refused() -> None:
    authority = Answering("rsa1024")
    leaf = authority.leaf()
    assert "RSA key of 1024 bits" in refused(authority.answer(leaf), leaf)


def test_a_clock_that_is_a_little_ahead_is_borne_with() -> None:
    ahead = ISSUER.answer(LEAF, start=timedelta(seconds=299))
    assert verified(ahead, LEAF, ISSUER.now).der == ahead
    with pytest.raises(TooEarly):
        verified(ISSUER.answer(LEAF), LEAF, ISSUER.now - DAY)


def test_revoked_says_since_when_and_why() -> None:
    with pytest.raises(Revoked, match=r"^revoked at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(keyCompromise\)$"):
        verified(ISSUER.answer(LEAF, status=ocsp.OCSPCertStatus.REVOKED), LEAF, ISSUER.now)


def test_who_lies_that_it_is_revoked_is_not_believed() -> None:
    lie = ISSUER.answer(LEAF, status=ocsp.OCSPCertStatus.REVOKED, signer=IMPOSTOR.direct, by_key=False)
    assert "signature is wrong" in refused(lie)


@pytest.mark.parametrize("delegated", [False, True])
def test_openssl_s_answers_are_taken(tmp_path: Path, delegated: bool) -> None:
    write_files(tmp_path, ISSUER, ISSUER.delegate() if delegated else ISSUER.direct, LEAF.certificate)
    der = openssl_answer(tmp_path, request(LEAF), "-nmin", "60")
    staple = verified(der, LEAF, ISSUER.now)
    assert staple.good_until - staple.this_update == HOUR


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("ecdsa", ["-nmin", "60", "-rmd", "sha1"], "is signed by ecdsa-with-SHA1"),
        ("rsa", ["-nmin", "60", "-rmd", "sha1"], "is signed by sha1WithRSAEncryption"),
        ("rsa", ["-nmin", "60", "-rmd", "sha1", "-rsigopt", "rsa_padding_mode:pss"], "signature is wrong"),
        ("rsa", ["-nmin", "60", "-badsig"], "signature is wrong"),
        ("ecdsa", [], "does not say until when"),
    ],
)
def test_what_openssl_can_do_wrong_is_refused(tmp_path: Path, kind: str, options: list[str], reason: str) -> None:
    authority = Answering(kind)
    leaf = authority.leaf()
    write_files(tmp_path, authority, authority.direct, leaf.certificate)
    assert reason in refused(openssl_answer(tmp_path, request(leaf), *options), leaf)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_openssl_s_answers_by_rsa_pss_are_taken(tmp_path: Path, digest: str) -> None:
    authority = Answering("rsa")
    leaf = authority.leaf()
    write_files(tmp_path, authority, authority.direct, leaf.certificate)
    der = openssl_answer(tmp_path, request(leaf), "-nmin", "60", "-rmd", digest, "-rsigopt", "rsa_padding_mode:pss")
    assert verified(der, leaf, authority.now).der == der


def test_openssl_s_revocation_is_understood(tmp_path: Path) -> None:
    at = ISSUER.now - HOUR
    write_files(tmp_path, ISSUER, ISSUER.direct, LEAF.certificate, revoked=at)
    assert refused(openssl_answer(tmp_path, request(LEAF), "-nmin", "60")) == f"revoked at {at:%Y-%m-%dT%H:%M:%SZ} (keyCompromise)"


@pytest.mark.parametrize(
    ("urls", "mode", "applies", "reason"),
    [
        (("http://a.example/",), "auto", True, None),
        (("https://a.example/", "http://b.example/"), "auto", True, None),
        (("http://a.example/",), "off", False, "stapling is off"),
        ((), "auto", False, "the certificate names no responder"),
        (("https://a.example/", "ldap://b.example/"), "auto", True, "the certificate names no responder by http: https://a.example/, ldap://b.example/"),
        (("http://user@a.example/",), "auto", True, "the certificate names no responder by http: http://user@a.example/"),
        (("http://a.example:99999/",), "auto", True, "the certificate names no responder by http: http://a.example:99999/"),
    ],
)
def test_whom_to_ask_stands_in_the_certificate(urls: tuple[str, ...], mode: str, applies: bool, reason: str | None) -> None:
    leaf = ISSUER.leaf_of(ISSUER.pair(*urls)[0], "off" if mode == "off" else "auto")
    assert (leaf.applies, leaf.unaskable) == (applies, reason)
    assert leaf.responders == tuple(url for url in urls if reason is None or mode == "off" if url.startswith("http://"))


@pytest.mark.parametrize("issuer", [None, IMPOSTOR.certificate, STRANGER.certificate], ids=["none", "impostor", "stranger"])
def test_without_its_issuer_nobody_can_be_asked(issuer: x509.Certificate | None) -> None:
    leaf = leaves.of(ISSUER.pair("http://a.example/")[0], issuer, where="chain.pem")
    assert leaf.unaskable == "cannot be asked: the chain has no issuer"
    assert leaf.applies


def test_must_staple_is_seen() -> None:
    assert ISSUER.leaf(must_staple=True).must_staple
    assert not LEAF.must_staple
