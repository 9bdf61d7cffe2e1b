"""Where OCSP staples (RFC 6066, section 8; RFC 8446, section 4.4.2.1) wait for clients that ask for them."""

from __future__ import annotations

from typing import Any, Mapping

from cryptography import x509
from OpenSSL import SSL

from .extensions import must_staple, responders

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")
_SIGNATURE = "int (*)(SSL *, void *)"
_SHA256_BYTES = 32


class Staples:
    """The responses that are stapled, by the SHA-256 of the leaf (DER). One of these outlives the contexts that read it."""

    def __init__(self) -> None:
        self._by_leaf: Mapping[bytes, bytes] = {}

    def replace(self, by_leaf: Mapping[bytes, bytes]) -> None:
        """From the next handshake on these are stapled and no others. They must have been verified: nobody looks at them again."""
        self._by_leaf = dict(by_leaf)

    def serve(self, context: SSL.Context) -> None:
        """Staples to the connections of a context, as far as there is something for the leaf they are shown; without one the handshake
        goes on all the same. Raises MemoryError where no callback can be made."""
        # A context's leaves stay where they are as long as it lives, and this table does not live longer.
        fingerprints: dict[int, bytes] = {}

        def staple(ssl: Any, _argument: Any) -> int:
            leaf = _lib.SSL_get_certificate(ssl)
            address = int(_ffi.cast("uintptr_t", leaf))
            if address not in fingerprints:
                fingerprints[address] = _fingerprint(leaf)
            response = self._by_leaf.get(fingerprints[address])
            if response is None:
                return int(_lib.SSL_TLSEXT_ERR_NOACK)
            # OpenSSL frees what it is given.
            copy = _lib.OPENSSL_malloc(len(response))
            _ffi.memmove(copy, response, len(response))
            _lib.SSL_set_tlsext_status_ocsp_resp(ssl, copy, len(response))
            return int(_lib.SSL_TLSEXT_ERR_OK)

        callback = _ffi.callback(_SIGNATURE, staple, error=_lib.SSL_TLSEXT_ERR_NOACK)
        _lib.SSL_CTX_set_tlsext_status_cb(getattr(context, "_context"), callback)
        # As in ``alpn``.
        setattr(context, "_ocsp_callback", callback)


def may_staple(leaf: x509.Certificate) -> bool:
    """Whether a certificate names a responder, or is of no use without a staple."""
    return bool(responders(leaf)) or must_staple(leaf)


def _fingerprint(leaf: Any) -> bytes:
    digest = _ffi.new("unsigned char[]", _SHA256_BYTES)
    length = _ffi.new("unsigned int *", _SHA256_BYTES)
    if _lib.X509_digest(leaf, _lib.EVP_get_digestbyname(b"SHA256"), digest, length) != 1:
        return b""
    return bytes(_ffi.buffer(digest, length[0]))
