"""Certificates: read and judged before they are used. A pair that is not right is refused with its file and the reason."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Protocol, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from ..config.model import CertificatePaths
from ..errors import ServerError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

#: TLS 1.3 signature algorithms that a key of each sort can sign with.
_RSA = ("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512")
_CURVES = {"secp256r1": ("ecdsa_secp256r1_sha256",), "secp384r1": ("ecdsa_secp384r1_sha384",), "secp521r1": ("ecdsa_secp521r1_sha512",)}


class Read(Protocol):
    """Gives the PEM text that a configured path stands for, or raises ServerError."""

    def __call__(self, path: Path, *, secret: bool) -> bytes: ...


@dataclass(frozen=True)
class Certificate:
    """A checked pair.

    ``kind`` is how TLS 1.2 suites name its authentication, ``signatures`` what it can sign with in TLS 1.3; ``fingerprint`` is the
    SHA-256 of the leaf (DER), ``chain_digest`` that of the chain's text as it was read.
    """

    paths: CertificatePaths
    text: bytes
    key: PrivateKey
    kind: str
    signatures: tuple[str, ...]
    names: tuple[str, ...]
    not_after: datetime
    fingerprint: bytes
    chain_digest: bytes

    def use_in(self, context: SSL.Context) -> None:
        """Adds the pair to a context. Each pair keeps its own chain, because the chain comes by file and not as extra certificates."""
        try:
            with _as_file(self.text) as path:
                context.use_certificate_chain_file(path)
            context.use_privatekey(self.key)
            context.check_privatekey()
        except SSL.Error as error:
            raise ServerError("certificate-refused", f"OpenSSL refuses {self.paths.chain}: {error}") from error


def from_disk(path: Path, *, secret: bool) -> bytes:
    """What a file holds; one with a secret in it must not be everybody's."""
    try:
        if secret and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o007:
            _refuse(path, f"may be read or changed by every user (mode {mode:04o})", f"chmod 0600 {path}")
        return path.read_bytes()
    except OSError as error:
        _refuse(path, f"cannot be read: {error.strerror}")


def load_all(pairs: Sequence[CertificatePaths], now: datetime, read: Read = from_disk) -> tuple[Certificate, ...]:
    """Every pair, checked; at most one per sort of key, because a context holds no more."""
    certificates = tuple(load(paths, now, read) for paths in pairs)
    for index, certificate in enumerate(certificates):
        for other in certificates[:index]:
            if other.kind == certificate.kind:
                _refuse(certificate.paths.chain, f"is a second {certificate.kind} certificate, after {other.paths.chain}")
    return certificates


def load(paths: CertificatePaths, now: datetime, read: Read = from_disk) -> Certificate:
    """One pair: parsed, dates, order of the chain, the key's match. Raises ServerError ``certificate-refused``."""
    text = read(paths.chain, secret=False)
    chain = _parse_chain(paths.chain, text)
    leaf = chain[0]
    key = _parse_key(paths.key, read(paths.key, secret=True))
    if _public_bytes(key.public_key()) != _public_bytes(leaf.public_key()):
        _refuse(paths.key, f"does not belong to the certificate in {paths.chain}")
    for position, certificate in enumerate(chain):
        _check_dates(paths.chain, position, certificate, now)
    _check_order(paths.chain, chain)
    _check_leaf(paths.chain, leaf)
    kind, signatures = _sort(paths.key, key)
    return Certificate(
        paths=paths,
        text=text,
        key=key,
        kind=kind,
        signatures=signatures,
        names=_names(paths.chain, leaf),
        not_after=leaf.not_valid_after_utc,
        fingerprint=leaf.fingerprint(hashes.SHA256()),
        chain_digest=hashlib.sha256(text).digest(),
    )


def _parse_chain(path: Path, text: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError as error:
        _refuse(path, f"holds no PEM certificates that can be read: {error}")


def _parse_key(path: Path, text: bytes) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except TypeError:
        _refuse(path, "is encrypted; the server takes keys without a passphrase, protected by their mode")
    except (ValueError, UnsupportedAlgorithm) as error:
        _refuse(path, f"holds no PEM private key that can be read: {error}")
    if not isinstance(key, PrivateKey):
        _refuse(path, f"is a {type(key).__name__}; expected RSA, ECDSA or Ed25519")
    return key


def _check_dates(path: Path, position: int, certificate: x509.Certificate, now: datetime) -> None:
    what = "the certificate" if position == 0 else f"certificate {position + 1} of the chain"
    if now < certificate.not_valid_before_utc:
        _refuse(path, f"{what} is valid only from {_iso(certificate.not_valid_before_utc)}", "check the clock")
    if now > certificate.not_valid_after_utc:
        _refuse(path, f"{what} expired at {_iso(certificate.not_valid_after_utc)}", "renew it")


def _check_order(path: Path, chain: Sequence[x509.Certificate]) -> None:
    for position, (certificate, issuer) in enumerate(zip(chain, chain[1:], strict=False), start=1):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise ServerError(
                "certificate-refused",
                f"{path}: certificate {position + 1} did not issue certificate {position}",
                "put the leaf first, then each certificate's issuer",
            ) from error


def _check_leaf(path: Path, leaf: x509.Certificate) -> None:
    try:
        if leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            _refuse(path, "starts with the certificate of an authority", "put the server's own certificate first")
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        _refuse(path, "is not meant for servers: its extended key usage has no serverAuth")


def _sort(path: Path, key: PrivateKey) -> tuple[str, tuple[str, ...]]:
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 2048:
            _refuse(path, f"is an RSA key of {key.key_size} bits; 2048 is the least")
        return "RSA", _RSA
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in _CURVES:
            _refuse(path, f"is on the curve {key.curve.name}; expected P-256, P-384 or P-521")
        return "ECDSA", _CURVES[key.curve.name]
    # Ed25519 is authenticated by the ECDSA suites of TLS 1.2 (RFC 8422, section 5.1.1), but takes a slot of its own in a context.
    return "EdDSA", ("ed25519",)


def _names(path: Path, leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        _refuse(path, "names no host: it has no subject alternative name")
    return (
        *alternative.get_values_for_type(x509.DNSName),
        *(str(address) for address in alternative.get_values_for_type(x509.IPAddress)),
    )


def _public_bytes(key: object) -> bytes:
    assert hasattr(key, "public_bytes")
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


@contextmanager
def _as_file(text: bytes) -> Iterator[str]:
    """A path that OpenSSL can read a chain from: what is loaded is what was checked, and what came without a file has none to be left behind."""
    if sys.platform.startswith("linux"):
        with open(os.memfd_create("chain"), "wb", buffering=0) as memory:
            memory.write(text)
            yield f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            yield file.name


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse(path: Path, what: str, hint: str | None = None) -> NoReturn:
    raise ServerError("certificate-refused", f"{path}: {what}" if what.startswith(("the ", "certificate ")) else f"{path} {what}", hint)
