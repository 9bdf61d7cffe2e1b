"""A leaf as stapling sees it: who issued it, who can be asked about it, and what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from ..tls import extensions
from ..tls.chain import issued

#: Of a certificate that names more, the first are asked.
_RESPONDERS = 3


@dataclass(frozen=True)
class Leaf:
    """``where`` is the file that it came from. ``responders`` are the URLs to ask, ``fingerprint`` is its SHA-256. ``unaskable`` says why
    nobody can be asked; ``applies`` is False when nobody is meant to be."""

    certificate: x509.Certificate
    issuer: x509.Certificate | None
    where: str
    fingerprint: bytes
    responders: tuple[str, ...]
    must_staple: bool
    unaskable: str | None
    applies: bool


def of(certificate: x509.Certificate, issuer: x509.Certificate | None, *, where: str, mode: Literal["auto", "off"] = "auto") -> Leaf:
    """``issuer`` is taken for one only when it has signed the certificate. With ``off`` nobody is asked."""
    issuer = issuer if issuer is not None and issued(issuer, certificate) else None
    named = extensions.responders(certificate)
    usable = tuple(url for url in named if _is_usable(url))[:_RESPONDERS]
    return Leaf(
        certificate=certificate,
        issuer=issuer,
        where=where,
        fingerprint=certificate.fingerprint(hashes.SHA256()),
        responders=usable,
        must_staple=extensions.must_staple(certificate),
        unaskable=_why_not(mode, issuer, named, usable),
        applies=mode == "auto" and bool(named),
    )


def question(leaf: Leaf, algorithm: hashes.HashAlgorithm) -> ocsp.OCSPRequest:
    """A request with one CertID (RFC 6960, section 4.1.1), without a nonce: the answer is for everybody."""
    assert leaf.issuer is not None
    return ocsp.OCSPRequestBuilder().add_certificate(leaf.certificate, leaf.issuer, algorithm).build()


def request(leaf: Leaf) -> bytes:
    """What is sent, DER. By SHA-1, which names the issuer and proves nothing, and which every responder knows (RFC 5019, section 2.1.1)."""
    return question(leaf, hashes.SHA1()).public_bytes(serialization.Encoding.DER)


def _why_not(mode: str, issuer: x509.Certificate | None, named: Sequence[str], usable: Sequence[str]) -> str | None:
    if mode == "off":
        return "stapling is off"
    if not named:
        return "the certificate names no responder"
    if not usable:
        return f"the certificate names no responder by http: {', '.join(url[:200] for url in named)}"
    return None if issuer is not None else "cannot be asked: the chain has no issuer"


def _is_usable(url: str) -> bool:
    try:
        check_url(url)
    except ValueError:
        return False
    return True


def check_url(url: str) -> None:
    """Raises ValueError with the reason when a URL is none to ask. https is none: its certificate would need a responder of its own
    (RFC 5280, section 4.2.2.1)."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.port == 0:
        raise ValueError("is not an http URL")
    if parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("is not a plain URL")
