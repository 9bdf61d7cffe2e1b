"""A certificate's chain: found among the certificates of a file in whatever order they stand, and what was put right is said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import AuthorityInformationAccessOID

from ..moments import iso
from .refusal import refuse


@dataclass(frozen=True)
class Chain:
    """``sent`` is the leaf and then each one's issuer, without a root: clients trust the one that they have. ``issuer`` is the leaf's, be
    it sent or not; None where the file has none."""

    sent: tuple[x509.Certificate, ...]
    issuer: x509.Certificate | None
    notes: tuple[str, ...]


def arrange(path: Path, certificates: Sequence[x509.Certificate], leaf: x509.Certificate, now: datetime) -> Chain:
    """The chain of a leaf that is among the certificates. Raises ServerError ``certificate-refused`` where a certificate of it is not
    valid now, or there are others and none of them issued the leaf."""
    _check_dates(path, certificates, leaf, now)
    order = _issuers(leaf, certificates)
    if order == [leaf] and any(each != leaf for each in certificates) and not _is_root(leaf):
        refuse(path, "none of the other certificates issued the leaf", "put the leaf first, then each certificate's issuer")
    for each in order[1:]:
        _check_dates(path, certificates, each, now)
    sent = [order[0], *(each for each in order[1:] if not _is_root(each))]
    return Chain(tuple(sent), order[1] if len(order) > 1 else None, _notes(certificates, order, sent))


def _issuers(leaf: x509.Certificate, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    order = [leaf]
    while not _is_root(order[-1]):
        # Where an authority has several certificates, one that leads on is better than its root.
        candidates = [each for each in certificates if each not in order and issued(each, order[-1])]
        if not candidates:
            break
        order.append(min(candidates, key=_is_root))
    return order


def issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether one has signed the other, and is named as its issuer."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer and issued(certificate, certificate)


def _notes(certificates: Sequence[x509.Certificate], order: Sequence[x509.Certificate], sent: Sequence[x509.Certificate]) -> tuple[str, ...]:
    notes = []
    kept = [each for each in certificates if each in order]
    if list(dict.fromkeys(kept)) != list(order):
        notes.append("the chain was out of order: put right")
    for position, each in enumerate(certificates, start=1):
        name = f"certificate {position} ({each.subject.rfc4514_string() or 'without a name'})"
        if each in certificates[: position - 1]:
            notes.append(f"{name} stands twice: sent once")
        elif each not in order:
            notes.append(f"{name} has no part in the chain: left out")
        elif each not in sent:
            notes.append(f"{name} is a root, which clients have: left out")
    if len(order) == 1 and (url := _issuer_at(order[0])) is not None:
        notes.append(f"the chain lacks the issuer's certificate, without which many clients cannot trust it: append the one from {url}")
    return tuple(notes)


def _issuer_at(certificate: x509.Certificate) -> str | None:
    """Where a certificate says that its issuer's is to be had, in DER form."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    places = (each.access_location for each in access if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS)
    return next((str(each.value) for each in places), None)


def _check_dates(path: Path, certificates: Sequence[x509.Certificate], certificate: x509.Certificate, now: datetime) -> None:
    position = list(certificates).index(certificate)
    what = "the certificate" if position == 0 else f"certificate {position + 1} of the chain"
    if now < certificate.not_valid_before_utc:
        refuse(path, f"{what} is valid only from {iso(certificate.not_valid_before_utc)}", "check the clock")
    if now > certificate.not_valid_after_utc:
        refuse(path, f"{what} expired at {iso(certificate.not_valid_after_utc)}", "renew it")
