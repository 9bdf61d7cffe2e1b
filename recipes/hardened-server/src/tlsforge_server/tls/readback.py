"""Compares what OpenSSL does with what the policy says, before anything listens. A difference is refused, never reported away."""

from __future__ import annotations

from dataclasses import replace

from OpenSSL import SSL

from ..errors import ServerError
from .dhe import prime_sent
from .known import CLASSICAL_GROUPS, GROUP_ALIASES, KNOWN_GROUPS, KNOWN_SIGNATURES, KNOWN_SUITES, SIGNATURE_CURVES
from .policy import VERSIONS, option_bits, set_groups, set_signature_algorithms
from .subject import Subject
from .tickets import described

#: Names that end so are nobody's (RFC 6761, section 6.4).
UNKNOWN_HOST = "tlsforge-check.invalid"


def read_back(subject: Subject) -> dict[str, object]:
    """What is in force, as read from a finished context. Raises ServerError ``policy-refused`` at the first difference."""
    policy = subject.policy
    _check_usable(subject)
    options = _check_options(subject)
    suites = _check_lists(subject)
    _check_versions(subject)
    _check_suites(subject)
    _check_dhe(subject)
    _check_groups(subject)
    _check_signatures(subject)
    _check_preference(subject)
    _check_alpn(subject)
    return {
        "profile": policy.profile,
        "minVersion": policy.min_version,
        "maxVersion": policy.max_version,
        "ciphers": [name for name in suites if not name.startswith("TLS_")] if policy.ciphers else [],
        "ciphersuites": [name for name in suites if name.startswith("TLS_")],
        "groups": list(policy.groups),
        "signatureAlgorithms": list(policy.signature_algorithms),
        "preference": policy.preference,
        "options": options,
        "dhe": "off" if subject.dhe is None else str(subject.dhe),
        "tickets": "off" if policy.tickets is None else "on",
        "resumption": described(policy.tickets),
        "alpn": list(policy.alpn),
    }


def check_strangers(subject: Subject, *, strict: bool) -> None:
    """Clients without a name, and with one that no certificate has, are turned away exactly when they should be. ``subject`` is the first
    identity's."""
    for name in (None, UNKNOWN_HOST):
        outcome = replace(subject, name=name).try_client("a stranger")
        if strict and outcome.error is None:
            raise ServerError("policy-refused", f"a client that asks for {name or 'no name'} is served where it should be turned away")
        if not strict and outcome.certificate not in {each.fingerprint for each in subject.certificates}:
            raise ServerError("policy-refused", f"a client that asks for {name or 'no name'} is not shown the first certificate ({outcome.error})")


def _check_options(subject: Subject) -> list[str]:
    asked = option_bits(subject.policy)
    found = subject.context.set_options(0)
    before = SSL.Context(SSL.TLS_SERVER_METHOD).set_options(0)
    if found & asked != asked or found & ~(asked | before):
        raise ServerError("policy-refused", f"the options in force are {found:#x}, expected {asked | before:#x}")
    return [name[3:] for name in dir(SSL) if name.startswith("OP_") and _single(name) and found & int(getattr(SSL, name))]


def _single(name: str) -> bool:
    return int(getattr(SSL, name)).bit_count() == 1


def _check_lists(subject: Subject) -> list[str]:
    policy = subject.policy
    found = SSL.Connection(subject.context, None).get_cipher_list()
    suites = [name for name in found if name.startswith("TLS_")]
    ciphers = [name for name in found if not name.startswith("TLS_")]
    if policy.ciphersuites and suites != list(policy.ciphersuites):
        raise ServerError("policy-refused", f"the TLS 1.3 suites in force are {':'.join(suites)}, expected {':'.join(policy.ciphersuites)}")
    if policy.ciphers and ciphers != list(policy.ciphers):
        raise ServerError("policy-refused", f"the TLS 1.2 suites in force are {':'.join(ciphers)}, expected {':'.join(policy.ciphers)}")
    return found


def _check_versions(subject: Subject) -> None:
    order = list(VERSIONS)
    lowest, highest = order.index(subject.policy.min_version), order.index(subject.policy.max_version)
    for index, version in enumerate(order):
        if lowest <= index <= highest:
            subject.accepts(version, version=version)
        else:
            subject.refuses(version, version=version)


def _check_suites(subject: Subject) -> None:
    policy = subject.policy
    kinds = {certificate.kind for certificate in subject.certificates}
    for name in policy.ciphersuites:
        _same(name, subject.accepts(name, version="TLSv1.3", ciphersuites=[name]).cipher)
    others = [name for name in KNOWN_SUITES if name not in policy.ciphersuites]
    if policy.ciphersuites and others:
        subject.refuses("another TLS 1.3 suite", version="TLSv1.3", ciphersuites=others)
    for name in policy.ciphers:
        if _authentication(name) in kinds:
            _same(name, subject.accepts(name, version="TLSv1.2", ciphers=[name]).cipher)
    if policy.ciphers:
        excluded = [f"!{name}" for name in policy.ciphers]
        subject.refuses("another TLS 1.2 suite", version="TLSv1.2", ciphers=["ALL", "COMPLEMENTOFALL", *excluded, "@SECLEVEL=0"])


def _check_dhe(subject: Subject) -> None:
    suites = [name for name in subject.policy.ciphers if name.startswith("DHE-")]
    if subject.dhe is not None and any(certificate.kind == "RSA" for certificate in subject.certificates):
        outcome = subject.accepts("finite-field Diffie-Hellman", version="TLSv1.2", ciphers=suites)
        found = prime_sent(outcome.flight)
        if found != subject.dhe.prime:
            raise ServerError("policy-refused", f"OpenSSL agrees on keys with a prime of {(found or 0).bit_length()} bits, expected {subject.dhe}")


def _authentication(cipher: str) -> str:
    return "ECDSA" if "ECDSA" in cipher else "RSA"


def _check_groups(subject: Subject) -> None:
    wanted = [_canonical(name) for name in subject.policy.groups]
    others = [name for name in KNOWN_GROUPS if name not in wanted and _has_group(name)]
    if subject.policy.max_version == "TLSv1.3":
        for name in wanted:
            outcome = subject.accepts(f"the group {name}", version="TLSv1.3", groups=[name])
            _same(name, _canonical(outcome.group))
        if others:
            subject.refuses("another group in TLS 1.3", version="TLSv1.3", groups=others)
    classical = [name for name in others if name in CLASSICAL_GROUPS]
    if subject.policy.min_version == "TLSv1.2" and classical:
        # A TLS 1.2 client takes an ECDSA certificate only on a curve that it offers, so one of ours stands last in its offer.
        ours = _certificate_curve(subject) or next(name for name in wanted if name in CLASSICAL_GROUPS)
        outcome = subject.accepts(f"the group {ours} in TLS 1.2", version="TLSv1.2", groups=[*classical, ours])
        _same(ours, _canonical(outcome.group))


def _certificate_curve(subject: Subject) -> str | None:
    for certificate in subject.certificates:
        for signature, curve in SIGNATURE_CURVES.items():
            if signature in certificate.signatures:
                return curve
    return None


def _check_usable(subject: Subject) -> None:
    """Before any handshake: one with a certificate that nothing can sign for fails without its name."""
    for certificate in subject.certificates:
        if not set(certificate.signatures) & set(subject.policy.signature_algorithms):
            message = f"the policy has no signature algorithm for the certificate {certificate.paths.chain}, which signs with {certificate.signatures[0]}"
            raise ServerError("policy-refused", message, "take a certificate with another key: RSA, P-256 or P-384")


def _check_signatures(subject: Subject) -> None:
    policy = subject.policy
    for certificate in subject.certificates:
        for name in (name for name in certificate.signatures if name in policy.signature_algorithms):
            if policy.max_version == "TLSv1.3":
                outcome = subject.accepts(f"the signature algorithm {name}", version="TLSv1.3", signature_algorithms=[name])
                if outcome.certificate != certificate.fingerprint:
                    raise ServerError("policy-refused", f"OpenSSL does not show the certificate {certificate.paths.chain} to a client of {name}")
    others = [name for name in KNOWN_SIGNATURES if name not in policy.signature_algorithms and _has_signature(name)]
    for version in subject.versions:
        if others:
            subject.refuses(f"another signature algorithm in {version}", version=version, signature_algorithms=others)


def _check_preference(subject: Subject) -> None:
    """Two suites offered in both orders: the client's order decides, or it does not."""
    policy = subject.policy
    kinds = {certificate.kind for certificate in subject.certificates}
    usable = [name for name in policy.ciphers if _authentication(name) in kinds]
    for version, key, names in (("TLSv1.3", "ciphersuites", policy.ciphersuites), ("TLSv1.2", "ciphers", usable)):
        if len(names) < 2 or version not in subject.versions:
            continue
        for order in (list(names[:2]), list(reversed(names[:2]))):
            outcome = subject.accepts(f"{order[0]} before {order[1]}", version=version, **{key: order})
            _same(order[0] if policy.preference == "client" else names[0], outcome.cipher)


def _check_alpn(subject: Subject) -> None:
    if subject.accepts("a client without ALPN").alpn != "":
        raise ServerError("policy-refused", "OpenSSL answers ALPN to a client that did not ask")
    for name in subject.policy.alpn:
        _same(name, subject.accepts(f"ALPN {name}", alpn=["tlsforge-other", name]).alpn)
    subject.refuses("ALPN without overlap", alpn=["tlsforge-other"])


def _has_group(name: str) -> bool:
    return _takes(lambda context: set_groups(context, [name]))


def _has_signature(name: str) -> bool:
    return _takes(lambda context: set_signature_algorithms(context, [name]))


def _takes(configure: object) -> bool:
    assert callable(configure)
    try:
        configure(SSL.Context(SSL.TLS_METHOD))
    except ServerError:
        return False
    return True


def _canonical(group: str) -> str:
    return GROUP_ALIASES.get(group.lower(), group)


def _same(expected: str, found: str) -> None:
    if expected.lower() != found.lower():
        raise ServerError("policy-refused", f"OpenSSL negotiates {found or 'nothing'} where the policy leads to {expected}")
