"""Staples reach who asks for them, for the certificate that they are shown, and a handshake never waits or fails for one."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from client import carry_out
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from OpenSSL import SSL
from pki import Authority
from tlsforge_server.config import parse
from tlsforge_server.tls.certificates import Certificate
from tlsforge_server.tls.context import Credentials, build
from tlsforge_server.tls.libssl import LibSsl
from tlsforge_server.tls.loopback import client_context
from tlsforge_server.tls.staple import Staples, may_staple

Document = dict[str, Any]
VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
SIGNATURES = {"ECDSA": "ecdsa_secp256r1_sha256", "RSA": "rsa_pss_rsae_sha256"}


def responder(method: x509.ObjectIdentifier = AuthorityInformationAccessOID.OCSP) -> x509.AuthorityInformationAccess:
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, x509.UniformResourceIdentifier("http://ocsp.test/"))])


MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])


@pytest.fixture
def staples() -> Staples:
    return Staples()


@pytest.fixture
def made(document: Document, authority: Authority, libssl: LibSsl, tmp_path: Path, staples: Staples) -> Credentials:
    """Both kinds for one name, another one for another, and one that has no responder."""
    document["certificates"] = [
        authority.leaf("ecdsa", names=("one.example",), extensions=(responder(),)).write(tmp_path / "one-e"),
        authority.leaf("rsa", names=("one.example",), extensions=(responder(),)).write(tmp_path / "one-r"),
        authority.leaf("ecdsa", names=("two.example",), extensions=(MUST_STAPLE,)).write(tmp_path / "two"),
        authority.leaf("ecdsa", names=("three.example",)).write(tmp_path / "three"),
    ]
    return build(parse.parse(json.dumps(document).encode(), "server.json"), libssl, datetime.now(UTC), staples=staples)


def response(authority: Authority, certificate: Certificate) -> bytes:
    now = datetime.now(UTC).replace(tzinfo=None)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate.leaf,
        issuer=authority.intermediate,
        algorithm=hashes.SHA1(),  # noqa: S303 - what responders use in a CertID (RFC 5019, section 2.1.1)
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now,
        next_update=now + timedelta(days=7),
        revocation_time=None,
        revocation_reason=None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.intermediate).sign(authority.signer, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def stapled(credentials: Credentials, name: str, *, asks: bool = True, **offer: Any) -> bytes | None:
    """What a client gets; None when it does not ask or is given none."""
    given: list[bytes] = []
    context = client_context(**offer)

    def take(_connection: SSL.Connection, data: bytes, _mine: object) -> bool:
        given.append(data)
        return True

    context.set_ocsp_client_callback(take)
    client, server = SSL.Connection(context, None), SSL.Connection(credentials.context, None)
    client.set_connect_state()
    server.set_accept_state()
    client.set_tlsext_host_name(name.encode())
    if asks:
        client.request_ocsp()
    carry_out(client, server)
    assert client.get_peer_finished() is not None, "the handshake is done"
    return given[0] if given and given[0] else None


@VERSIONS
@pytest.mark.parametrize(("name", "kind", "index"), [("one.example", "ECDSA", 0), ("one.example", "RSA", 1), ("two.example", "ECDSA", 2)])
def test_the_staple_is_that_of_the_certificate_shown(
    made: Credentials, authority: Authority, staples: Staples, version: str, name: str, kind: str, index: int
) -> None:
    assert stapled(made, name, version=version) is None
    all_of_them = {each.fingerprint: response(authority, each) for each in made.certificates}
    staples.replace(all_of_them)
    offer: dict[str, Any] = {"version": version}
    if version == "TLSv1.3":
        offer["signature_algorithms"] = [SIGNATURES[kind]]
    else:
        offer["ciphers"] = [f"ECDHE-{kind}-AES128-GCM-SHA256"]
    assert stapled(made, name, **offer) == all_of_them[made.certificates[index].fingerprint]
    assert stapled(made, name, asks=False, **offer) is None
    staples.replace({})
    assert stapled(made, name, **offer) is None


@VERSIONS
def test_there_is_none_for_a_certificate_without_a_responder(made: Credentials, authority: Authority, staples: Staples, version: str) -> None:
    staples.replace({each.fingerprint: response(authority, each) for each in made.certificates})
    assert stapled(made, "three.example", version=version) is None
    assert stapled(made, "two.example", version=version) is not None


def test_what_is_replaced_is_replaced_for_all_at_once(made: Credentials, authority: Authority, staples: Staples) -> None:
    given = {made.certificates[0].fingerprint: response(authority, made.certificates[0])}
    staples.replace(given)
    given.clear()
    assert stapled(made, "one.example", signature_algorithms=[SIGNATURES["ECDSA"]]) is not None, "it is a copy"
    staples.replace({made.certificates[2].fingerprint: response(authority, made.certificates[2])})
    assert stapled(made, "one.example", signature_algorithms=[SIGNATURES["ECDSA"]]) is None
    assert stapled(made, "two.example") is not None


def test_a_failure_in_the_callback_costs_the_staple_and_not_the_handshake(made: Credentials, staples: Staples, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    staples.replace({made.certificates[0].fingerprint: 1})  # type: ignore[dict-item]
    assert stapled(made, "one.example", signature_algorithms=[SIGNATURES["ECDSA"]]) is None
    assert [each.exc_type for each in told] == [TypeError]


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [((), False), ((responder(AuthorityInformationAccessOID.CA_ISSUERS),), False), ((responder(),), True), ((MUST_STAPLE,), True)],
)
def test_which_certificates_may_be_stapled(authority: Authority, extensions: tuple[Any, ...], expected: bool) -> None:
    assert may_staple(authority.leaf("ecdsa", extensions=extensions).chain[0]) == expected


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_another_client_verifies_the_staple(made: Credentials, authority: Authority, staples: Staples, version: str, tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    authority.write_root(root)
    for certificates, expected in (((), "no response sent"), (made.certificates, "OCSP Response Status: successful")):
        staples.replace({each.fingerprint: response(authority, each) for each in certificates})
        with serving(made) as port:
            argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-servername", "two.example", "-status", "-CAfile", str(root)]
            told = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False).stdout
        assert expected in told and "Verification: OK" in told


class serving:
    """One connection on a socket."""

    def __init__(self, credentials: Credentials) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._credentials = credentials
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        accepted, _peer = self._listening.accept()
        with accepted:
            connection = SSL.Connection(self._credentials.context, accepted)
            connection.set_accept_state()
            connection.do_handshake()
            try:
                connection.recv(1)
            except SSL.Error:
                pass

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listening.getsockname()[1])

    def __exit__(self, *_failure: object) -> None:
        self._thread.join(20)
        self._listening.close()
