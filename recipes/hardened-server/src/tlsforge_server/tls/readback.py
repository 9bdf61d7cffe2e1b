"""Compares what OpenSSL does with what the policy says, before anything listens. A difference is refused, never reported away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from OpenSSL import SSL

from .certificates import Certificate
from ..config.model import Policy
from ..errors import ServerError
from .loopback import Outcome, client_context, handshake
from .policy import VERSIONS, option_bits, set_groups, set_signature_algorithms

#: What a client may ask for that a policy may leave out. Names that this OpenSSL does not have are left aside.
KNOWN_SUITES = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)
KNOWN_GROUPS = (
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
    "MLKEM512",
    "MLKEM768",
    "MLKEM1024",
    "X25519",
    "X448",
    "prime256v1",
    "secp384r1",
    "secp521r1",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
)
KNOWN_SIGNATURES = (
    "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384",
    "ecdsa_secp521r1_sha512",
    "ed25519",
    "ed448",
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
    "ecdsa_sha1",
    "rsa_pkcs1_sha1",
)
#: Those that TLS 1.2 has.
CLASSICAL_GROUPS = ("X25519", "X448", "prime256v1", "secp384r1", "secp521r1")
SIGNATURE_CURVES = {
    "ecdsa_secp256r1_sha256": "prime256v1",
    "ecdsa_secp384r1_sha384": "secp384r1",
    "ecdsa_secp521r1_sha512": "secp521r1",
}
#: Names that clients and tables use for one group.
GROUP_ALIASES = {"secp256r1": "prime256v1", "p-256": "prime256v1", "p-384": "secp384r1", "p-521": "secp521r1"}


@dataclass
class _Subject:
    """The context under test, and the handshakes made with it so far."""

    context: SSL.Context
    policy: Policy
    certificates: Sequence[Certificate]
    handshakes: int = 0

    def try_client(self, what: str, **offer: object) -> Outcome:
        self.handshakes += 1
        try:
            client = client_context(**offer)  # type: ignore[arg-type]
        except SSL.Error as error:
            raise ServerError("policy-refused", f"OpenSSL cannot offer {what} to check it") from error
        return handshake(self.context, client)

    def accepts(self, what: str, **offer: object) -> Outcome:
        outcome = self.try_client(what, **offer)
        if outcome.error is not None:
            raise ServerError("policy-refused", f"the policy has {what}, OpenSSL does not accept it ({outcome.error})")
        if outcome.trailing:
            raise ServerError("policy-refused", f"OpenSSL sends session tickets ({outcome.trailing} bytes) with {what} where none was asked for")
        return outcome

    def refuses(self, what: str, **offer: object) -> None:
        outcome = self.try_client(what, **offer)
        if outcome.error is None:
            raise ServerError("policy-refused", f"the policy does not have {what}, OpenSSL accepts it ({outcome.version} {outcome.cipher} {outcome.group})")


def read_back(context: SSL.Context, policy: Policy, certificates: Sequence[Certificate]) -> dict[str, object]:
    """What is in force, as read from the finished context. Raises ServerError ``policy-refused`` at the first difference."""
    subject = _Subject(context, policy, certificates)
    options = _check_options(subject)
    suites = _check_lists(subject)
    _check_versions(subject)
    _check_suites(subject)
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
        "tickets": "off",
        "alpn": list(policy.alpn),
        "handshakes": subject.handshakes,
    }


def _check_options(subject: _Subject) -> list[str]:
    asked = option_bits(subject.policy)
    found = subject.context.set_options(0)
    before = SSL.Context(SSL.TLS_SERVER_METHOD).set_options(0)
    if found & asked != asked or found & ~(asked | before):
        raise ServerError("policy-refused", f"the options in force are {found:#x}, expected {asked | before:#x}")
    return [name[3:] for name in dir(SSL) if name.startswith("OP_") and _single(name) and found & int(getattr(SSL, name))]


def _single(name: str) -> bool:
    return int(getattr(SSL, name)).bit_count() == 1


def _check_lists(subject: _Subject) -> list[str]:
    policy = subject.policy
    found = SSL.Connection(subject.context, None).get_cipher_list()
    suites = [name for name in found if name.startswith("TLS_")]
    ciphers = [name for name in found if not name.startswith("TLS_")]
    if policy.ciphersuites and suites != list(policy.ciphersuites):
        raise ServerError("policy-refused", f"the TLS 1.3 suites in force are {':'.join(suites)}, expected {':'.join(policy.ciphersuites)}")
    if policy.ciphers and ciphers != list(policy.ciphers):
        raise ServerError("policy-refused", f"the TLS 1.2 suites in force are {':'.join(ciphers)}, expected {':'.join(policy.ciphers)}")
    return found


def _check_versions(subject: _Subject) -> None:
    order = list(VERSIONS)
    lowest, highest = order.index(subject.policy.min_version), order.index(subject.policy.max_version)
    for index, version in enumerate(order):
        if lowest <= index <= highest:
            subject.accepts(version, version=version)
        else:
            subject.refuses(version, version=version)


def _check_suites(subject: _Subject) -> None:
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


def _authentication(cipher: str) -> str:
    return "ECDSA" if "ECDSA" in cipher else "RSA"


def _check_groups(subject: _Subject) -> None:
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


def _certificate_curve(subject: _Subject) -> str | None:
    for certificate in subject.certificates:
        for signature, curve in SIGNATURE_CURVES.items():
            if signature in certificate.signatures:
                return curve
    return None


def _check_signatures(subject: _Subject) -> None:
    policy = subject.policy
    for certificate in subject.certificates:
        usable = [name for name in certificate.signatures if name in policy.signature_algorithms]
        if not usable:
            raise ServerError("policy-refused", f"the policy has no signature algorithm for the certificate {certificate.paths.chain}")
        for name in usable:
            if policy.max_version == "TLSv1.3":
                outcome = subject.accepts(f"the signature algorithm {name}", version="TLSv1.3", signature_algorithms=[name])
                if outcome.certificate != certificate.fingerprint:
                    raise ServerError("policy-refused", f"OpenSSL does not show the certificate {certificate.paths.chain} to a client of {name}")
    others = [name for name in KNOWN_SIGNATURES if name not in policy.signature_algorithms and _has_signature(name)]
    for version in _versions(policy):
        if others:
            subject.refuses(f"another signature algorithm in {version}", version=version, signature_algorithms=others)


def _check_preference(subject: _Subject) -> None:
    """Two suites offered in both orders: the client's order decides, or it does not."""
    policy = subject.policy
    kinds = {certificate.kind for certificate in subject.certificates}
    usable = [name for name in policy.ciphers if _authentication(name) in kinds]
    for version, key, names in (("TLSv1.3", "ciphersuites", policy.ciphersuites), ("TLSv1.2", "ciphers", usable)):
        if len(names) < 2 or version not in _versions(policy):
            continue
        for order in (list(names[:2]), list(reversed(names[:2]))):
            outcome = subject.accepts(f"{order[0]} before {order[1]}", version=version, **{key: order})
            _same(order[0] if policy.preference == "client" else names[0], outcome.cipher)


def _check_alpn(subject: _Subject) -> None:
    if subject.accepts("a client without ALPN").alpn != "":
        raise ServerError("policy-refused", "OpenSSL answers ALPN to a client that did not ask")
    for name in subject.policy.alpn:
        _same(name, subject.accepts(f"ALPN {name}", alpn=["tlsforge-other", name]).alpn)
    subject.refuses("ALPN without overlap", alpn=["tlsforge-other"])


def _versions(policy: Policy) -> list[str]:
    order = list(VERSIONS)
    return order[order.index(policy.min_version) : order.index(policy.max_version) + 1]


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


