"""What a responder says, judged as a client will judge it. Nothing is stapled that has not come through here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from ..moments import iso
from .leaf import Leaf, question

#: How far the responder's clock may be ahead of ours.
_SKEW = timedelta(seconds=300)
#: A staple is replaced at half of its time, and after this long: Firefox takes none that was made more than ten days ago.
_FRESH = timedelta(days=4)
#: A staple goes out with every full handshake. With a certificate in it it has about 2,000 bytes.
_LARGEST = 16 << 10
#: By which a CertID may name the certificate.
_IDENTIFIED_BY = (hashes.SHA1, hashes.SHA256)
_SHA2 = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
_SIGNED_BY: dict[x509.ObjectIdentifier, hashes.HashAlgorithm] = {
    SignatureAlgorithmOID.RSA_WITH_SHA256: _SHA2[0],
    SignatureAlgorithmOID.RSA_WITH_SHA384: _SHA2[1],
    SignatureAlgorithmOID.RSA_WITH_SHA512: _SHA2[2],
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: _SHA2[0],
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: _SHA2[1],
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: _SHA2[2],
}


class Refused(Exception):
    """An answer that cannot be stapled, or none; the reason follows ``the answer`` or ``the responder``."""


class TooEarly(Refused):
    """It is right, but for a clock that is ahead of ours."""


class Revoked(Refused):
    """The authority has revoked the certificate, and has signed that."""

    def __init__(self, at: datetime, reason: x509.ReasonFlags | None, this_update: datetime) -> None:
        super().__init__(f"revoked at {iso(at)}" + (f" ({reason.value})" if reason is not None else ""))
        self.this_update = this_update


@dataclass(frozen=True)
class Staple:
    """A response (DER) that may be stapled until ``good_until``; ``fingerprint`` is the leaf's. ``refresh_at`` is when to ask again."""

    der: bytes
    fingerprint: bytes
    this_update: datetime
    good_until: datetime

    @property
    def refresh_at(self) -> datetime:
        return self.this_update + min((self.good_until - self.this_update) / 2, _FRESH)


def verified(der: bytes, leaf: Leaf, now: datetime) -> Staple:
    """The staple in a response, after all that a client checks (RFC 6960, section 3.2), or Refused; Revoked when that is what it says."""
    try:
        return _verified(der, leaf, now)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(f"the answer cannot be read as OCSP: {error}") from error


def _verified(der: bytes, leaf: Leaf, now: datetime) -> Staple:
    if len(der) > _LARGEST:
        raise Refused(f"the answer has {len(der)} bytes; {_LARGEST} are the most that is stapled")
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise Refused(f"the responder answers {response.response_status.name}")
    _refuse_critical(response)
    single = _single(response, leaf)
    signer = _signer(response, leaf, now)
    this_update, next_update = _times(response, single, now)
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        assert single.revocation_time_utc is not None
        raise Revoked(single.revocation_time_utc, single.revocation_reason, this_update)
    if single.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise Refused("the responder does not know the certificate")
    good_until = min(next_update, signer.not_valid_after_utc, leaf.certificate.not_valid_after_utc)
    if now >= good_until:
        raise Refused(f"the certificate, or that of the answer's signer, was valid until {iso(good_until)}")
    return Staple(der, leaf.fingerprint, this_update, good_until)


def _refuse_critical(response: ocsp.OCSPResponse) -> None:
    for extension in response.extensions:
        if extension.critical and not isinstance(extension.value, x509.OCSPNonce):
            raise Refused(f"the answer has a critical extension that is not known: {extension.oid.dotted_string}")


def _single(response: ocsp.OCSPResponse, leaf: Leaf) -> ocsp.OCSPSingleResponse:
    singles = list(response.responses)
    if len(singles) != 1:
        raise Refused(f"the answer speaks of {len(singles)} certificates")
    single = singles[0]
    if not isinstance(single.hash_algorithm, _IDENTIFIED_BY):
        raise Refused(f"the answer names the certificate by {single.hash_algorithm.name}")
    asked = question(leaf, single.hash_algorithm)
    if (single.issuer_name_hash, single.issuer_key_hash) != (asked.issuer_name_hash, asked.issuer_key_hash):
        raise Refused("the answer is for a certificate of another issuer")
    if single.serial_number != asked.serial_number:
        raise Refused(f"the answer is for another certificate, serial {single.serial_number:x}")
    return single


def _times(response: ocsp.OCSPResponse, single: ocsp.OCSPSingleResponse, now: datetime) -> tuple[datetime, datetime]:
    this_update, next_update, produced_at = single.this_update_utc, single.next_update_utc, response.produced_at_utc
    if next_update is None:
        raise Refused("the answer does not say until when it is good")
    if now >= next_update:
        raise Refused(f"the answer was good until {iso(next_update)}")
    if next_update <= this_update or produced_at >= next_update:
        raise Refused(f"the answer's times contradict each other: made {iso(produced_at)}, good from {iso(this_update)} to {iso(next_update)}")
    if max(this_update, produced_at) > now + _SKEW:
        raise TooEarly(f"the answer is from the future: {iso(max(this_update, produced_at))}")
    return this_update, next_update


def _signer(response: ocsp.OCSPResponse, leaf: Leaf, now: datetime) -> x509.Certificate:
    """Who signed it: the issuer of the leaf, or who has that issuer's certificate for signing responses (RFC 6960, section 4.2.2.2)."""
    assert leaf.issuer is not None
    candidates = [each for each in (leaf.issuer, *response.certificates) if _is_named(response, each)]
    if not candidates:
        raise Refused("the answer comes without its signer's certificate, and the issuer is not the signer")
    # A responder may be sent along with the issuer's certificate, which is the issuer all the same.
    signer = candidates[0]
    if signer != leaf.issuer:
        _check_delegate(signer, leaf.issuer, now)
    if not _is_signed_by(response, signer):
        raise Refused("the answer's signature is wrong")
    return signer


def _is_named(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    return response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _check_delegate(signer: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
    try:
        signer.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise Refused("the answer's signer has no certificate of the issuer") from error
    if signer.signature_algorithm_oid not in (*_SIGNED_BY, SignatureAlgorithmOID.RSASSA_PSS, SignatureAlgorithmOID.ED25519):
        raise Refused(f"the certificate of the answer's signer is signed by {_name(signer.signature_algorithm_oid)}")
    if ExtendedKeyUsageOID.OCSP_SIGNING not in _purposes(signer):
        raise Refused("the answer's signer has a certificate that is not for signing responses")
    if not signer.not_valid_before_utc <= now <= signer.not_valid_after_utc:
        raise Refused(f"the certificate of the answer's signer is valid from {iso(signer.not_valid_before_utc)} to {iso(signer.not_valid_after_utc)}")


def _purposes(certificate: x509.Certificate) -> x509.ExtendedKeyUsage | tuple[()]:
    try:
        return certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()


def _is_signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, oid = signer.public_key(), response.signature_algorithm_oid
    signature, signed = response.signature, response.tbs_response_bytes
    if b"\0" + signature not in response.public_bytes(serialization.Encoding.DER):
        # cryptography does not mind, and mozilla::pkix does.
        raise Refused("the answer's signature is no whole number of bytes")
    if isinstance(key, ed25519.Ed25519PublicKey) and oid == SignatureAlgorithmOID.ED25519:
        return _holds(partial(key.verify, signature, signed))
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise Refused(f"the answer is signed by an RSA key of {key.key_size} bits")
    if isinstance(key, rsa.RSAPublicKey) and oid == SignatureAlgorithmOID.RSASSA_PSS:
        # Which hash stands in parameters that cryptography does not show for responses: all that are right are tried.
        return any(_holds(partial(key.verify, signature, signed, padding.PSS(padding.MGF1(sha), padding.PSS.AUTO), sha)) for sha in _SHA2)
    algorithm = _SIGNED_BY.get(oid)
    if algorithm is not None and isinstance(key, rsa.RSAPublicKey):
        return _holds(partial(key.verify, signature, signed, padding.PKCS1v15(), algorithm))
    if algorithm is not None and isinstance(key, ec.EllipticCurvePublicKey):
        return _holds(partial(key.verify, signature, signed, ec.ECDSA(algorithm)))
    raise Refused(f"the answer is signed by {_name(oid)} with a key of the sort {type(key).__name__}")


def _holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except InvalidSignature:
        return False
    return True


def _name(oid: x509.ObjectIdentifier) -> str:
    return f"{oid._name} ({oid.dotted_string})"
