"""Certificates: read and judged before they are used. A pair that is not right is refused with its file and the reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from ..config.model import CertificatePaths, is_address
from ..config.reading import Read, from_disk
from ..errors import ServerError
from .chain import arrange
from .memory import as_file
from .refusal import refuse

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

#: TLS 1.3 signature algorithms that a key of each sort can sign with.
_RSA = ("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512")
_CURVES = {"secp256r1": ("ecdsa_secp256r1_sha256",), "secp384r1": ("ecdsa_secp384r1_sha384",), "secp521r1": ("ecdsa_secp521r1_sha512",)}
_SHORT_LIFE = timedelta(days=10)


@dataclass(frozen=True)
class Certificate:
    """A checked pair.

    ``text`` is the chain as it is sent (PEM), ``issuer`` the leaf's as far as the file has it. ``kind`` is how TLS 1.2 suites name its
    authentication, ``signatures`` what it can sign with in TLS 1.3; ``renew_after`` when a new one should be asked for; ``fingerprint``
    is the SHA-256 of the leaf (DER), ``chain_digest`` that of the chain's text as it was read. ``notes`` say what was put right.
    """

    paths: CertificatePaths
    text: bytes
    leaf: x509.Certificate
    issuer: x509.Certificate | None
    key: PrivateKey
    kind: str
    signatures: tuple[str, ...]
    names: tuple[str, ...]
    not_after: datetime
    renew_after: datetime
    fingerprint: bytes
    chain_digest: bytes
    notes: tuple[str, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that a client can ask for, in lower case: all but addresses (RFC 6066, section 3)."""
        return tuple(name.lower().removesuffix(".") for name in self.names if not is_address(name))

    def use_in(self, context: SSL.Context) -> None:
        """Adds the pair to a context. Each pair keeps its own chain, because the chain comes by file and not as extra certificates."""
        try:
            with as_file(self.text) as path:
                context.use_certificate_chain_file(path)
            context.use_privatekey(self.key)
            context.check_privatekey()
        except SSL.Error as error:
            raise ServerError("certificate-refused", f"OpenSSL refuses {self.paths.chain}: {error}") from error


def load_all(pairs: Sequence[CertificatePaths], now: datetime, read: Read = from_disk, *, validate: bool = True) -> tuple[Certificate, ...]:
    """Every pair, checked by itself."""
    return tuple(load(paths, now, read, validate=validate) for paths in pairs)


def load(paths: CertificatePaths, now: datetime, read: Read = from_disk, *, validate: bool = True) -> Certificate:
    """One pair: parsed, the key's match, dates, the chain in its order. Without ``validate`` the numbers of an RSA key are taken as they
    are, which saves a fifth of a second for one of 4096 bits: for a process whose parent has looked at them. Raises ServerError
    ``certificate-refused``."""
    text = read(paths.chain, secret=False)
    certificates = _parse_chain(paths.chain, text)
    key = _parse_key(paths.key, read(paths.key, secret=True), validate)
    public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    leaf = next((each for each in certificates if _public_key(each) == public_key), None)
    if leaf is None:
        refuse(paths.key, f"does not belong to the certificate in {paths.chain}")
    chain = arrange(paths.chain, certificates, leaf, now)
    _check_leaf(paths.chain, leaf)
    kind, signatures = _sort(paths.key, key)
    return Certificate(
        paths=paths,
        text=b"".join(each.public_bytes(Encoding.PEM) for each in chain.sent),
        leaf=leaf,
        issuer=chain.issuer,
        key=key,
        kind=kind,
        signatures=signatures,
        names=_names(paths.chain, leaf),
        not_after=leaf.not_valid_after_utc,
        renew_after=_renew_after(leaf),
        fingerprint=leaf.fingerprint(hashes.SHA256()),
        chain_digest=hashlib.sha256(text).digest(),
        notes=chain.notes,
    )


def _renew_after(leaf: x509.Certificate) -> datetime:
    """Two thirds of a life, or half of one that is shorter than 10 days, as Let's Encrypt advises its clients."""
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return leaf.not_valid_before_utc + (life / 2 if life < _SHORT_LIFE else life * 2 / 3)


def _public_key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _parse_chain(path: Path, text: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError as error:
        refuse(path, f"holds no PEM certificates that can be read: {error}")


def _parse_key(path: Path, text: bytes, validate: bool) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(text, password=None, unsafe_skip_rsa_key_validation=not validate)
    except TypeError:
        refuse(path, "is encrypted; the server takes keys without a passphrase, protected by their mode")
    except (ValueError, UnsupportedAlgorithm) as error:
        refuse(path, f"holds no PEM private key that can be read: {error}")
    if not isinstance(key, PrivateKey):
        refuse(path, f"is a {type(key).__name__}; expected RSA, ECDSA or Ed25519")
    return key


def _check_leaf(path: Path, leaf: x509.Certificate) -> None:
    try:
        if leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            refuse(path, "is the certificate of an authority, not of a server", "one that openssl req -x509 makes for itself needs -addext basicConstraints=critical,CA:FALSE")
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        refuse(path, "is not meant for servers: its extended key usage has no serverAuth")


def _sort(path: Path, key: PrivateKey) -> tuple[str, tuple[str, ...]]:
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 2048:
            refuse(path, f"is an RSA key of {key.key_size} bits; 2048 is the least")
        return "RSA", _RSA
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in _CURVES:
            refuse(path, f"is on the curve {key.curve.name}; expected P-256, P-384 or P-521")
        return "ECDSA", _CURVES[key.curve.name]
    # Ed25519 is authenticated by the ECDSA suites of TLS 1.2 (RFC 8422, section 5.1.1), but takes a slot of its own in a context.
    return "EdDSA", ("ed25519",)


def _names(path: Path, leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        refuse(path, "names no host: it has no subject alternative name")
    except ValueError as error:
        refuse(path, f"has names that cannot be read: {error}")
    return (
        *alternative.get_values_for_type(x509.DNSName),
        *(str(address) for address in alternative.get_values_for_type(x509.IPAddress)),
    )
