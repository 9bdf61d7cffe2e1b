"""What of a server's state has a form of its own in its status."""

from __future__ import annotations

from ..moments import iso
from ..tls.certificates import Certificate


def certificate_status(certificate: Certificate, staple: str | None) -> dict[str, object]:
    return {
        "names": list(certificate.names),
        "kind": certificate.kind,
        "notAfter": iso(certificate.not_after),
        "renewAfter": iso(certificate.renew_after),
        "sha256": certificate.fingerprint.hex(),
        "chainSha256": certificate.chain_digest.hex(),
        "staple": staple,
        "notes": list(certificate.notes),
    }
