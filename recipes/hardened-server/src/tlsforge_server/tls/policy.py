"""Puts a policy on a pyOpenSSL context, by name only. What OpenSSL does not take is refused; nothing is skipped."""

from __future__ import annotations

from typing import Sequence

from OpenSSL import SSL

from . import alpn
from ..config.model import Policy
from ..errors import ServerError
from .libssl import LibSsl

VERSIONS = {"TLSv1": SSL.TLS1_VERSION, "TLSv1.1": SSL.TLS1_1_VERSION, "TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}
#: Set by pyOpenSSL; without it a write of many records is one call.
_PARTIAL_WRITE = int(getattr(SSL, "_lib").SSL_MODE_ENABLE_PARTIAL_WRITE)
#: SSL_MODE_NO_AUTO_CHAIN of openssl/ssl.h: a leaf without a chain is sent as it is. Without it OpenSSL looks for one in each handshake.
_NO_AUTO_CHAIN = 8


def apply(context: SSL.Context, policy: Policy, libssl: LibSsl) -> None:
    """Configures a new server context. Certificates, and what tickets and DHE need beside the policy, are not its business."""
    context.set_min_proto_version(VERSIONS[policy.min_version])
    context.set_max_proto_version(VERSIONS[policy.max_version])
    context.set_options(option_bits(policy))
    context.set_mode(SSL.MODE_RELEASE_BUFFERS | _NO_AUTO_CHAIN)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    libssl.set_ticket_count(context, 0 if policy.tickets is None else 1)
    if policy.ciphers:
        _suites(context.set_cipher_list, "ciphers", policy.ciphers)
    if policy.ciphersuites:
        _suites(context.set_tls13_ciphersuites, "ciphersuites", policy.ciphersuites)
    set_groups(context, policy.groups)
    set_signature_algorithms(context, policy.signature_algorithms)
    libssl.set_read_ahead(context)
    context.clear_mode(_PARTIAL_WRITE)
    if policy.alpn:
        alpn.select_first(context, [name.encode() for name in policy.alpn])


def option_bits(policy: Policy) -> int:
    """The policy's options as this OpenSSL numbers them. An unknown name, or one that means nothing in it, is refused."""
    bits = 0
    for name in (*policy.options, *(["CIPHER_SERVER_PREFERENCE"] if policy.preference == "server" else [])):
        value = getattr(SSL, f"OP_{name}", None)
        if not isinstance(value, int):
            raise ServerError("policy-refused", f"the option {name} is unknown to pyOpenSSL")
        if value == 0:
            raise ServerError("policy-refused", f"the option {name} has no effect in this OpenSSL")
        bits |= value
    return bits


def set_groups(context: SSL.Context, groups: Sequence[str]) -> None:
    """Key exchange groups in order of preference: by the public call where pyOpenSSL has one, else by the private binding."""
    names = ":".join(groups).encode()
    public = getattr(context, "set_groups", None)
    if callable(public):
        try:
            public(names)
        except SSL.Error as error:
            raise ServerError("policy-refused", f"OpenSSL refuses the groups {names.decode()}") from error
        return
    _private("SSL_CTX_set1_curves_list", "groups", context, names)


def set_signature_algorithms(context: SSL.Context, names: Sequence[str]) -> None:
    """Signature algorithms by their TLS names, in order of preference."""
    _private("SSL_CTX_set1_sigalgs_list", "signature algorithms", context, ":".join(names).encode())


def _private(function: str, what: str, context: SSL.Context, names: bytes) -> None:
    library = getattr(SSL, "_lib")
    bound = getattr(library, function, None)
    if bound is None:
        raise ServerError("policy-refused", f"this cryptography does not bind {function}; the {what} cannot be set")
    if bound(context._context, names) != 1:
        library.ERR_clear_error()
        raise ServerError("policy-refused", f"OpenSSL refuses the {what} {names.decode()}")


def _suites(setter: object, what: str, names: Sequence[str]) -> None:
    assert callable(setter)
    try:
        setter(":".join(names).encode())
    except SSL.Error as error:
        raise ServerError("policy-refused", f"OpenSSL refuses the {what} {':'.join(names)}") from error
