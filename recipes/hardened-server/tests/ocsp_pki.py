"""An authority that answers for its certificates: rightly, and in every way that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from pki import Key, new_key
from tlsforge_server.ocsp import leaf as leaves
from tlsforge_server.ocsp.leaf import Leaf

_DER = serialization.Encoding.DER
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Signer:
    """Who signs responses. Its certificate is sent along so many times."""

    certificate: x509.Certificate
    key: Key
    sent: int


class Answering:
    """An issuer with a key of the sort given."""

    def __init__(self, kind: str = "ecdsa", name: str = "issuer") -> None:
        self.key = new_key(kind)
        self.certificate = self._issue(name, self.key.public_key(), (name, self.key), extensions=[(x509.BasicConstraints(True, None), True)])
        self._name = name

    @property
    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    @property
    def direct(self) -> Signer:
        return Signer(self.certificate, self.key, sent=0)

    def delegate(
        self, *, purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.OCSP_SIGNING, start: timedelta = -DAY, end: timedelta = 60 * DAY
    ) -> Signer:
        key = new_key("ecdsa")
        purposes = [(x509.ExtendedKeyUsage([purpose]), False)] if purpose is not None else []
        return Signer(self._issue("delegate", key.public_key(), (self._name, self.key), start=start, end=end, extensions=purposes), key, sent=1)

    def pair(self, *urls: str, must_staple: bool = False, end: timedelta = 60 * DAY) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A certificate that names the responders, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions: list[tuple[x509.ExtensionType, bool]] = [(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)]
        if urls:
            places = [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)) for url in urls]
            extensions.append((x509.AuthorityInformationAccess(places), False))
        if must_staple:
            extensions.append((x509.TLSFeature([x509.TLSFeatureType.status_request]), False))
        return self._issue("leaf", key.public_key(), (self._name, self.key), end=end, extensions=extensions), key

    def leaf(self, *urls: str, must_staple: bool = False, end: timedelta = 60 * DAY) -> Leaf:
        return self.leaf_of(self.pair(*(urls or ("http://127.0.0.1:9/",)), must_staple=must_staple, end=end)[0])

    def leaf_of(self, certificate: x509.Certificate, mode: Literal["auto", "off"] = "auto") -> Leaf:
        return leaves.of(certificate, self.certificate, where="chain.pem", mode=mode)

    def answer(
        self,
        leaf: Leaf,
        *,
        signer: Signer | None = None,
        start: timedelta = -HOUR,
        end: timedelta | None = 4 * DAY,
        now: datetime | None = None,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        issuer: x509.Certificate | None = None,
        identified_by: hashes.HashAlgorithm | None = None,
        signed_with: hashes.HashAlgorithm | None = hashes.SHA256(),
        by_key: bool = True,
    ) -> bytes:
        """A response (DER) that is made ``now``. What is not given makes it right."""
        assert leaf.issuer is not None
        signer, now = signer or self.direct, now or self.now
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        encoding = ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME
        builder = ocsp.OCSPResponseBuilder().add_response(
            leaf.certificate,
            issuer or leaf.issuer,
            identified_by or hashes.SHA1(),
            status,
            now + start,
            None if end is None else now + end,
            now - 2 * HOUR if revoked else None,
            x509.ReasonFlags.key_compromise if revoked else None,
        )
        if signer.sent:
            builder = builder.certificates([signer.certificate] * signer.sent)
        made = builder.responder_id(encoding, signer.certificate).sign(signer.key, None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else signed_with)
        if isinstance(signer.key, ec.EllipticCurvePrivateKey) and isinstance(signed_with, hashes.SHA256):
            return _dated(made, now, signer.key)
        return made.public_bytes(_DER)

    def _issue(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey,
        issuer: tuple[str, Key],
        *,
        start: timedelta = -DAY,
        end: timedelta = 60 * DAY,
        extensions: Sequence[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(issuer[0]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + start)
            .not_valid_after(self.now + end)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer[1], None if isinstance(issuer[1], ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _dated(response: ocsp.OCSPResponse, produced_at: datetime, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The response with another time of production, which cryptography always takes from the real clock, signed again."""
    signed = response.tbs_response_bytes
    # The first GeneralizedTime, of fifteen characters in this century.
    begin = signed.index(b"\x18\x0f20") + 2
    dated = signed[:begin] + f"{produced_at:%Y%m%d%H%M%SZ}".encode() + signed[begin + 15 :]
    while len(signature := key.sign(dated, ec.ECDSA(hashes.SHA256()))) != len(response.signature):
        continue
    return response.public_bytes(_DER).replace(signed, dated).replace(response.signature, signature)


def refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    """A response that is none, as ``tryLater``."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(_DER)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tlsforge test {name}")])
