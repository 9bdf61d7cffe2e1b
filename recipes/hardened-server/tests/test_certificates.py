"""A pair that is not right is refused before it is used."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from pki import Authority, Pair
from tlsforge_server.tls import certificates
from tlsforge_server.config.model import CertificatePaths
from tlsforge_server.errors import ServerError


def paths(written: dict[str, str]) -> CertificatePaths:
    return CertificatePaths(Path(written["chain"]), Path(written["key"]))


def refusal(written: dict[str, str]) -> str:
    with pytest.raises(ServerError) as refused:
        certificates.load(paths(written), datetime.now(UTC))
    assert refused.value.code == "certificate-refused"
    return refused.value.message


@pytest.mark.parametrize(("kind", "sort"), [("ecdsa", "ECDSA"), ("p384", "ECDSA"), ("rsa", "RSA"), ("ed25519", "EdDSA")])
def test_a_right_pair_is_taken(authority: Authority, tmp_path: Path, kind: str, sort: str) -> None:
    loaded = certificates.load(paths(authority.leaf(kind).write(tmp_path / kind)), datetime.now(UTC))
    assert loaded.kind == sort
    assert loaded.names == ("localhost", "www.example.org", "127.0.0.1")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("ecdsa", {"end": timedelta(hours=-1)}, "the certificate expired at"),
        ("ecdsa", {"start": timedelta(hours=1)}, "is valid only from"),
        ("ecdsa", {"ca": True}, "is the certificate of an authority"),
        ("ecdsa", {"names": ()}, "names no host"),
        ("ecdsa", {"purpose": ExtendedKeyUsageOID.CLIENT_AUTH}, "has no serverAuth"),
        ("rsa1024", {}, "RSA key of 1024 bits"),
        ("k256", {}, "on the curve secp256k1"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused(
    authority: Authority, tmp_path: Path, kind: str, options: dict[str, Any], message: str
) -> None:
    assert message in refusal(authority.leaf(kind, **options).write(tmp_path / "pair"))


def test_a_key_of_another_certificate_is_refused(authority: Authority, tmp_path: Path) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "one")
    other = authority.leaf("p384").write(tmp_path / "two")
    assert "does not belong to the certificate" in refusal({"chain": written["chain"], "key": other["key"]})


def test_an_encrypted_key_is_refused(authority: Authority, tmp_path: Path) -> None:
    assert "is encrypted" in refusal(authority.leaf("ecdsa").write(tmp_path / "pair", passphrase=b"secret"))


def test_a_key_that_everybody_may_read_is_refused(authority: Authority, tmp_path: Path) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "pair")
    os.chmod(written["key"], 0o644)
    assert "may be read or changed by every user (mode 0644)" in refusal(written)


def arranged(tmp_path: Path, key: Any, *certificates: x509.Certificate) -> certificates.Certificate:
    return certificates_of(Pair(certificates, key).write(tmp_path / "pair"))


def certificates_of(written: dict[str, str]) -> certificates.Certificate:
    return certificates.load(paths(written), datetime.now(UTC))


def sent(loaded: certificates.Certificate) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(loaded.text)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (2, 1, 0), (0, 2, 1), (1, 0, 1), (0, 1, 3), (3, 0, 1)])
def test_a_chain_is_put_right_and_what_was_done_is_said(authority: Authority, tmp_path: Path, order: tuple[int, ...]) -> None:
    pair = authority.leaf("ecdsa")
    stranger = Authority().intermediate
    all_of_them = (*pair.chain, authority.root, stranger)
    loaded = arranged(tmp_path, pair.key, *(all_of_them[index] for index in order))
    assert sent(loaded) == list(pair.chain)
    assert loaded.leaf == pair.chain[0] and loaded.issuer == authority.intermediate
    notes = " ".join(loaded.notes)
    assert ("out of order" in notes) == ([index for index in order if index != 3] != sorted(index for index in order if index != 3))
    assert ("is a root" in notes) == (2 in order)
    assert ("has no part in the chain" in notes) == (3 in order)
    assert ("stands twice" in notes) == (order.count(1) == 2)


def test_a_right_chain_needs_no_note(authority: Authority, tmp_path: Path) -> None:
    pair = authority.leaf("ecdsa")
    assert arranged(tmp_path, pair.key, *pair.chain).notes == ()
    assert arranged(tmp_path, pair.key, pair.chain[0]).notes == ()


def test_a_leaf_alone_that_says_where_its_issuer_is_has_a_note(authority: Authority, tmp_path: Path) -> None:
    place = x509.UniformResourceIdentifier("http://ca.example/issuer.der")
    access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)])
    pair = authority.leaf("ecdsa", extensions=(access,))
    (note,) = arranged(tmp_path, pair.key, pair.chain[0]).notes
    assert note.startswith("the chain lacks the issuer's certificate") and place.value in note
    assert arranged(tmp_path, pair.key, *pair.chain).notes == ()


def test_a_note_tells_which_certificate(authority: Authority, tmp_path: Path) -> None:
    pair = authority.leaf("ecdsa")
    notes = arranged(tmp_path, pair.key, *pair.chain, authority.root).notes
    assert notes == ("certificate 3 (CN=tlsforge test root) is a root, which clients have: left out",)


def test_the_issuer_is_known_though_a_root_is_not_sent(authority: Authority, tmp_path: Path) -> None:
    direct = authority.leaf("ecdsa", issuer="root")
    loaded = arranged(tmp_path, direct.key, direct.chain[0], authority.root)
    assert sent(loaded) == [direct.chain[0]] and loaded.issuer == authority.root


def test_a_leaf_that_none_of_the_others_issued_is_refused(authority: Authority, tmp_path: Path) -> None:
    """As after a renewal for which the authority took another intermediate: most clients would fail."""
    pair = authority.leaf("ecdsa")
    written = Pair((pair.chain[0], Authority().intermediate), pair.key).write(tmp_path / "pair")
    assert "none of the other certificates issued the leaf" in refusal(written)


def test_an_intermediate_that_expired_is_refused_and_a_stranger_that_did_is_not(authority: Authority, tmp_path: Path) -> None:
    pair = authority.leaf("ecdsa")
    past = datetime.now(UTC) + timedelta(days=90)
    longer = authority.leaf("ecdsa", end=timedelta(days=120))
    with pytest.raises(ServerError, match="certificate 2 of the chain expired"):
        certificates.load(paths(longer.write(tmp_path / "longer")), past)
    expired = authority.leaf("rsa", end=timedelta(hours=-1)).chain[0]
    assert sent(arranged(tmp_path, pair.key, *pair.chain, expired)) == list(pair.chain)


def test_one_file_may_hold_both(authority: Authority, tmp_path: Path) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "pair")
    both = tmp_path / "both.pem"
    both.touch(mode=0o600)
    both.write_bytes(Path(written["key"]).read_bytes() + Path(written["chain"]).read_bytes())
    assert certificates_of({"chain": str(both), "key": str(both)}).kind == "ECDSA"


@pytest.mark.parametrize(("days", "part"), [(90, 2 / 3), (366, 2 / 3), (10, 2 / 3), (9, 1 / 2), (6, 1 / 2)])
def test_a_certificate_says_itself_when_it_should_be_renewed(authority: Authority, tmp_path: Path, days: int, part: float) -> None:
    start = timedelta(days=-1)
    loaded = certificates_of(authority.leaf("ecdsa", start=start, end=start + timedelta(days=days)).write(tmp_path / "pair"))
    assert abs(loaded.renew_after - (authority.now + start + part * timedelta(days=days))) < timedelta(seconds=1)


@pytest.mark.parametrize("which", ["chain", "key"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", bytes(range(128, 192))])
def test_what_is_not_pem_is_refused(authority: Authority, tmp_path: Path, which: str, content: bytes) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "pair")
    Path(written[which]).write_bytes(content)
    assert "that can be read" in refusal(written)


@pytest.mark.parametrize("which", ["chain", "key"])
def test_a_missing_file_is_told(authority: Authority, tmp_path: Path, which: str) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "pair")
    Path(written[which]).unlink()
    assert f"{written[which]} cannot be read: No such file" in refusal(written)
