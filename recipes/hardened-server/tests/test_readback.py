"""A policy is in force exactly when OpenSSL does what it says; each difference is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from OpenSSL import SSL
from OpenSSL.crypto import X509
from tlsforge_server.tls import alpn
from tlsforge_server.tls import certificates
from tlsforge_server.config import parse as config
from tlsforge_server.config.model import Config, Policy
from tlsforge_server.tls import policy
from tlsforge_server.tls.context import build
from tlsforge_server.errors import ServerError
from tlsforge_server.tls.libssl import LibSsl
from tlsforge_server.tls.loopback import client_context, handshake
from tlsforge_server.tls.readback import read_back
from tlsforge_server.tls.subject import Subject

Document = dict[str, Any]


def parse(document: Document) -> Config:
    return config.parse(json.dumps(document).encode(), "server.json")


def now() -> datetime:
    return datetime.now(UTC)


def context_of(applied: Policy, pairs: tuple[certificates.Certificate, ...], libssl: LibSsl) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    policy.apply(context, applied, libssl)
    for pair in pairs:
        pair.use_in(context)
    return context


@pytest.mark.parametrize("kinds", [("ecdsa",), ("rsa",), ("ecdsa", "rsa"), ("p384",), ("ed25519", "rsa")])
@pytest.mark.parametrize("preference", ["client", "server"])
def test_a_policy_that_is_in_force_is_read_back(
    document: Document, libssl: LibSsl, authority: Any, tmp_path: Any, kinds: tuple[str, ...], preference: str
) -> None:
    document["certificates"] = [authority.leaf(kind).write(tmp_path / kind) for kind in kinds]
    document["policy"]["preference"] = preference
    in_force = build(parse(document), libssl, now()).in_force
    assert in_force["ciphers"] == document["policy"]["ciphers"]
    assert in_force["ciphersuites"] == document["policy"]["ciphersuites"]
    assert set(document["policy"]["options"]) <= set(in_force["options"])  # type: ignore[call-overload]
    assert ("CIPHER_SERVER_PREFERENCE" in in_force["options"]) == (preference == "server")  # type: ignore[operator]
    assert int(str(in_force["handshakes"])) > 20


def test_a_certificate_that_the_policy_cannot_sign_for_is_named(document: Document, libssl: LibSsl, authority: Any, tmp_path: Any) -> None:
    document["policy"]["signatureAlgorithms"] = ["rsa_pss_rsae_sha256"]
    document["certificates"] = [authority.leaf("p384").write(tmp_path / "p384")]
    with pytest.raises(ServerError, match="no signature algorithm for the certificate .*p384.* which signs with ecdsa_secp384r1_sha384"):
        build(parse(document), libssl, now())


def test_tls_1_3_alone_is_read_back(document: Document, libssl: LibSsl) -> None:
    document["policy"].update(minVersion="TLSv1.3", ciphers=[])
    built = build(parse(document), libssl, now())
    assert built.in_force["ciphers"] == []
    assert handshake(built.context, client_context(version="TLSv1.2")).error is not None


DIFFERENCES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a group less", {"groups": ("X25519", "prime256v1", "secp384r1")}, {}, "X25519MLKEM768"),
    ("a group more", {}, {"groups": ("X25519MLKEM768", "X25519", "prime256v1")}, "another group"),
    ("a suite more", {}, {"ciphersuites": ("TLS_AES_128_GCM_SHA256",)}, "TLS 1.3 suites in force"),
    ("a cipher more", {}, {"ciphers": ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256")}, "TLS 1.2 suites in force"),
    ("TLS 1.2 kept", {}, {"min_version": "TLSv1.3", "ciphers": ()}, "TLSv1.2"),
    ("TLS 1.2 lost", {"min_version": "TLSv1.3"}, {}, "TLSv1.2"),
    ("an option less", {"options": ("NO_COMPRESSION", "NO_TICKET")}, {}, "the options in force"),
    ("an option more", {"options": ("NO_RENEGOTIATION", "NO_TICKET", "NO_QUERY_MTU")}, {}, "the options in force"),
    ("the other preference", {"preference": "server"}, {}, "the options in force"),
    ("a signature more", {}, {"signature_algorithms": ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256")}, "another signature"),
    ("a signature less", {"signature_algorithms": ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256")}, {}, "signature algorithm"),
    ("no protocol", {"alpn": ("other",)}, {}, "ALPN http/1.1"),
]


@pytest.mark.parametrize(("applied", "expected", "message"), [each[1:] for each in DIFFERENCES], ids=[each[0] for each in DIFFERENCES])
def test_a_difference_is_refused(document: Document, libssl: LibSsl, applied: dict[str, Any], expected: dict[str, Any], message: str) -> None:
    parsed = parse(document)
    pairs = certificates.load_all(parsed.certificates, now())
    context = context_of(replace(parsed.policy, **applied), pairs, libssl)
    with pytest.raises(ServerError) as refused:
        read_back(Subject(context, replace(parsed.policy, **expected), pairs, door=context))
    assert refused.value.code == "policy-refused"
    assert message in refused.value.message


def test_the_other_order_is_seen_in_a_handshake(document: Document, libssl: LibSsl) -> None:
    """As if the option were reported as set and had no effect: the option alone is not believed."""
    parsed = parse(document)
    pairs = certificates.load_all(parsed.certificates, now())
    context = context_of(replace(parsed.policy, preference="server"), pairs, libssl)
    from tlsforge_server.tls import readback

    subject = Subject(context, parsed.policy, pairs, door=context)
    with pytest.raises(ServerError, match="where the policy leads to"):
        readback._check_preference(subject)


def test_a_leaf_alone_is_sent_alone(document: Document, libssl: LibSsl, authority: Any) -> None:
    """OpenSSL does not look for what could be its chain."""
    parsed = parse(document)
    leaf, issuer = authority.leaf("ecdsa").chain
    context = context_of(parsed.policy, (), libssl)
    store = context.get_cert_store()
    assert store is not None
    for each in (issuer, authority.root):
        store.add_cert(X509.from_cryptography(each))
    context.use_certificate(leaf)
    context.use_privatekey(authority.leaf("ecdsa").key)
    flight = handshake(context, client_context(version="TLSv1.2")).flight
    assert _der(leaf) in flight and _der(issuer) not in flight


def _der(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def test_a_certificate_that_is_not_shown_is_seen(document: Document, libssl: LibSsl, authority: Any, tmp_path: Any) -> None:
    parsed = parse(document)
    shown = certificates.load_all(parsed.certificates, now())
    context = context_of(parsed.policy, shown, libssl)
    document["certificates"] = [authority.leaf(kind).write(tmp_path / f"{kind}-new") for kind in ("ecdsa", "rsa")]
    expected = certificates.load_all(parse(document).certificates, now())
    with pytest.raises(ServerError, match="does not show the certificate"):
        read_back(Subject(context, parsed.policy, expected, door=context))


def test_tickets_that_are_sent_are_seen(document: Document) -> None:
    """A context whose tickets were never switched off: the read-back sees them behind the handshake."""
    from tlsforge_server.tls.loopback import Outcome

    parsed = parse(document)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    subject = Subject(context, parsed.policy, (), door=context)
    subject.try_client = lambda what, **offer: Outcome(error=None, version="TLSv1.3", trailing=239)  # type: ignore[method-assign]
    with pytest.raises(ServerError, match="sends session tickets"):
        subject.accepts("TLSv1.3")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": ("NO_SUCH_THING",)}, "the option NO_SUCH_THING is unknown"),
        ({"options": ("SINGLE_DH_USE",)}, "the option SINGLE_DH_USE has no effect"),
        ({"groups": ("X25519", "X25519MLKEM9000")}, "refuses the groups X25519:X25519MLKEM9000"),
        ({"ciphersuites": ("TLS_AES_128_GCM_SHA257",)}, "TLS_AES_128_GCM_SHA257"),
        ({"ciphers": ("ECDHE-NOTHING",)}, "ECDHE-NOTHING"),
        ({"signature_algorithms": ("rsa_pss_rsae_sha999",)}, "refuses the signature algorithms"),
    ],
)
def test_an_unknown_name_is_refused(document: Document, libssl: LibSsl, change: dict[str, Any], message: str) -> None:
    applied = replace(parse(document).policy, **change)
    with pytest.raises(ServerError) as refused:
        policy.apply(SSL.Context(SSL.TLS_SERVER_METHOD), applied, libssl)
    assert refused.value.code == "policy-refused"
    assert message in refused.value.message


def test_one_unknown_cipher_among_known_ones_is_refused(document: Document, libssl: LibSsl) -> None:
    """OpenSSL skips unknown names in a cipher list; the read-back does not."""
    document["policy"]["ciphers"].append("ECDHE-ECDSA-NOTHING")
    with pytest.raises(ServerError, match="TLS 1.2 suites in force"):
        build(parse(document), libssl, now())


def test_groups_go_through_the_public_call_where_there_is_one(document: Document) -> None:
    class Context:
        taken = b""

        def set_groups(self, names: bytes) -> None:
            self.taken = names

    context: Any = Context()
    policy.set_groups(context, ["X25519", "prime256v1"])
    assert context.taken == b"X25519:prime256v1"


def test_without_a_binding_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SSL, "_lib", object())
    with pytest.raises(ServerError, match="does not bind SSL_CTX_set1_curves_list"):
        policy.set_groups(SSL.Context.__new__(SSL.Context), ["X25519"])


def test_memory_that_may_not_be_executable_is_named(document: Document, libssl: LibSsl, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError("Cannot allocate write+execute memory for ffi.callback()")

    monkeypatch.setattr(alpn, "select_first", fail)
    with pytest.raises(ServerError) as refused:
        build(parse(document), libssl, now())
    assert "no callback can be made" in refused.value.message


@pytest.mark.parametrize(
    ("version", "key", "wanted"),
    [("TLSv1.2", "ciphers", "ECDHE-{kind}-CHACHA20-POLY1305"), ("TLSv1.3", "ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")],
)
@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
def test_a_client_that_is_fast_with_chacha_gets_it(document: Document, libssl: LibSsl, version: str, key: str, wanted: str, kind: str) -> None:
    """Phones without AES in hardware say so by their order; those with it get AES."""
    built = build(parse(document), libssl, now(), check=False)
    chacha, aes = wanted.format(kind=kind), {"ciphers": f"ECDHE-{kind}-AES128-GCM-SHA256", "ciphersuites": "TLS_AES_128_GCM_SHA256"}[key]
    for order in ([chacha, aes], [aes, chacha]):
        offer: dict[str, Any] = {key: order}
        assert handshake(built.context, client_context(version=version, **offer)).cipher == order[0]


@pytest.mark.parametrize(
    ("version", "offer", "before", "length"),
    [
        ("TLSv1.3", {"groups": ["X25519"]}, b"\x00\x33\x00\x24\x00\x1d\x00\x20", 32),
        ("TLSv1.2", {"groups": ["prime256v1"]}, b"\x03\x00\x17\x41", 65),
        ("TLSv1.2", {"ciphers": ["DHE-RSA-AES128-GCM-SHA256"]}, b"\x00\x01\x02\x01\x00", 256),
    ],
    ids=["TLS 1.3", "TLS 1.2", "DHE"],
)
def test_each_handshake_has_a_key_of_its_own(document: Document, libssl: LibSsl, version: str, offer: dict[str, Any], before: bytes, length: int) -> None:
    """What comes before it in the message: extension and group, curve, or generator and length."""
    document["policy"]["ciphers"].append("DHE-RSA-AES128-GCM-SHA256")
    document["policy"]["dhe"] = {"group": "ffdhe2048"}
    built = build(parse(document), libssl, now(), check=False)
    keys = set()
    for _time in range(4):
        _before, found, rest = handshake(built.context, client_context(version=version, **offer)).flight.partition(before)
        assert found
        keys.add(rest[:length])
    assert len(keys) == 4
