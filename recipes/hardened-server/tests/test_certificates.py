"""A pair that is not right is refused before it is used."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
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
        ("ecdsa", {"ca": True}, "starts with the certificate of an authority"),
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


def test_a_chain_out_of_order_is_refused(authority: Authority, tmp_path: Path) -> None:
    pair = authority.leaf("ecdsa")
    written = Pair((pair.chain[0], authority.root, pair.chain[1]), pair.key).write(tmp_path / "pair")
    assert "certificate 2 did not issue certificate 1" in refusal(written)


@pytest.mark.parametrize("which", ["chain", "key"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", os.urandom(64)])
def test_what_is_not_pem_is_refused(authority: Authority, tmp_path: Path, which: str, content: bytes) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "pair")
    Path(written[which]).write_bytes(content)
    assert "that can be read" in refusal(written)


@pytest.mark.parametrize("which", ["chain", "key"])
def test_a_missing_file_is_told(authority: Authority, tmp_path: Path, which: str) -> None:
    written = authority.leaf("ecdsa").write(tmp_path / "pair")
    Path(written[which]).unlink()
    assert f"{written[which]} cannot be read: No such file" in refusal(written)


def test_two_of_one_sort_are_refused(authority: Authority, tmp_path: Path) -> None:
    pairs = [paths(authority.leaf(kind).write(tmp_path / kind)) for kind in ("ecdsa", "p384")]
    with pytest.raises(ServerError, match="is a second ECDSA certificate"):
        certificates.load_all(pairs, datetime.now(UTC))
