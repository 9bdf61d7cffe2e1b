"""Who the server is to a client that asks for a name: which certificates answer for it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Sequence

from .certificates import Certificate
from .refusal import refuse


@dataclass(frozen=True)
class Identity:
    """Certificates of one context, at most one of each kind, and the names that lead to it; ``*.`` before a name is for one label
    (RFC 9525, section 6.3)."""

    certificates: tuple[Certificate, ...]
    hosts: tuple[str, ...]


def identities(certificates: Sequence[Certificate]) -> tuple[Identity, ...]:
    """Names that the same certificates answer for are one identity; the first certificate's first name is the first's. Where a
    certificate has a name and another of its kind has the wildcard above it, the name's own answers. Raises ServerError
    ``certificate-refused`` for two of a kind with the same name, and for one that no client could ask for."""
    found: dict[tuple[int, ...], list[str]] = {}
    for certificate in certificates:
        if not certificate.hosts and certificate is not certificates[0]:
            refuse(certificate.paths.chain, "names addresses only, which clients do not ask for by name", "make it the first, which answers without a name")
        for host in certificate.hosts or ("",):
            answering = _answering(host, certificates)
            hosts = found.setdefault(tuple(certificates.index(each) for each in answering), [])
            if host and host not in hosts:
                hosts.append(host)
    return tuple(Identity(tuple(certificates[index] for index in indices), tuple(hosts)) for indices, hosts in found.items())


def uncovered(names: Sequence[str], certificates: Sequence[Certificate]) -> tuple[str, ...]:
    """Those of a site's names that no certificate answers for."""
    covered = {name.lower() for certificate in certificates for name in certificate.names}
    return tuple(name for name in names if not {_canonical(name), wildcard(_canonical(name))} & covered)


def wildcard(host: str) -> str:
    """The wildcard name that would answer for a host; empty where none can."""
    label, dot, rest = host.partition(".")
    return f"*.{rest}" if label and dot and label != "*" else ""


def _answering(host: str, certificates: Sequence[Certificate]) -> list[Certificate]:
    answering: list[Certificate] = []
    for kind in dict.fromkeys(each.kind for each in certificates):
        of_kind = [each for each in certificates if each.kind == kind]
        own = [each for each in of_kind if host in (each.hosts or ("",))]
        if len(own) > 1:
            refuse(own[1].paths.chain, f"is a second {kind} certificate for {host or 'addresses only'}, after {own[0].paths.chain}")
        above = [each for each in of_kind if wildcard(host) in each.hosts]
        answering.extend((own or above)[:1])
    return answering


def _canonical(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower()
