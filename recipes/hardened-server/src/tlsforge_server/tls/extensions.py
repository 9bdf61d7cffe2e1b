"""What a certificate says of OCSP in its extensions."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID


def responders(certificate: x509.Certificate) -> list[str]:
    """The URLs of those who can be asked about it (RFC 5280, section 4.2.2.1)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    return [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]


def must_staple(certificate: x509.Certificate) -> bool:
    """Whether clients are to refuse it without a staple: the feature ``status_request`` (RFC 7633)."""
    try:
        return x509.TLSFeatureType.status_request in certificate.extensions.get_extension_for_class(x509.TLSFeature).value
    except x509.ExtensionNotFound:
        return False
