"""Seals session tickets as OpenSSL itself does (AES-256-CBC, HMAC-SHA-256; RFC 5077, section 4), and opens those of a former key too,
which OpenSSL's own keys cannot."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Sequence

from OpenSSL import SSL

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")
_SIGNATURE = "int (*)(SSL *, unsigned char *, unsigned char *, void *, void *, int)"
_NAME_BYTES, _IV_BYTES, _MAC_KEY_BYTES = 16, 16, 32
#: A name, and the keys of HMAC and AES.
KEY_BYTES = 80
_NO_TICKET, _DONE, _DONE_AND_RENEW = 0, 1, 2
_UTF8_STRING = 4


class _Parameter(ctypes.Structure):
    """OSSL_PARAM."""

    _fields_ = [
        ("key", ctypes.c_char_p),
        ("data_type", ctypes.c_uint),
        ("data", ctypes.c_char_p),
        ("data_size", ctypes.c_size_t),
        ("return_size", ctypes.c_size_t),
    ]


class Sealing:
    """``library`` is libssl, by which the libcrypto that it is linked to is found. Raises AttributeError before OpenSSL 3.0."""

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer = ctypes.c_void_p
        self._install = library.SSL_CTX_set_tlsext_ticket_key_evp_cb
        self._install.argtypes = (pointer, pointer)
        fetch = library.EVP_CIPHER_fetch
        fetch.argtypes, fetch.restype = (pointer, ctypes.c_char_p, ctypes.c_char_p), pointer
        self._mac = library.EVP_MAC_init
        self._mac.argtypes = (pointer, ctypes.c_char_p, ctypes.c_size_t, pointer)
        self._encrypt, self._decrypt = library.EVP_EncryptInit_ex, library.EVP_DecryptInit_ex
        for each in (self._encrypt, self._decrypt):
            each.argtypes = (pointer, pointer, pointer, ctypes.c_char_p, ctypes.c_char_p)
        #: As long as the process: OpenSSL's own look for it takes longer than its use.
        self._cipher = fetch(None, b"AES-256-CBC", None)
        digest = b"SHA256"
        self._digest = (_Parameter * 2)(_Parameter(b"digest", _UTF8_STRING, digest, len(digest), ctypes.c_size_t(-1).value))

    def use_in(self, context: SSL.Context, keys: Sequence[bytes]) -> None:
        """A context's tickets are sealed with the first key. Whoever comes with one of another is taken up and given one of the first; with
        none of these the handshake is a full one, as it is when something fails here. Raises MemoryError where no callback can be made."""
        by_name = {key[:_NAME_BYTES]: key for key in keys}
        first = keys[0]

        def tickets(ssl: Any, name: Any, vector: Any, cipher: Any, mac: Any, seals: int) -> int:
            if seals:
                key = first
                _ffi.memmove(name, key, _NAME_BYTES)
                _ffi.memmove(vector, os.urandom(_IV_BYTES), _IV_BYTES)
            else:
                found = by_name.get(_ffi.buffer(name, _NAME_BYTES)[:])
                if found is None:
                    return _NO_TICKET
                key = found
            begin = self._encrypt if seals else self._decrypt
            mac_key, cipher_key = key[_NAME_BYTES : _NAME_BYTES + _MAC_KEY_BYTES], key[_NAME_BYTES + _MAC_KEY_BYTES :]
            if self._mac(_address(mac), mac_key, _MAC_KEY_BYTES, self._digest) != 1:
                return _NO_TICKET
            if begin(_address(cipher), self._cipher, None, cipher_key, _ffi.buffer(vector, _IV_BYTES)[:]) != 1:
                return _NO_TICKET
            # In TLS 1.3 a client uses a ticket once (RFC 8446, appendix C.4), and OpenSSL's own keys renew them all.
            return _DONE if seals or (key is first and _lib.SSL_version(ssl) < SSL.TLS1_3_VERSION) else _DONE_AND_RENEW

        callback = _ffi.callback(_SIGNATURE, tickets, error=_NO_TICKET)
        self._install(_address(getattr(context, "_context")), _address(callback))
        # OpenSSL keeps only the address: it has to live as long as the context.
        setattr(context, "_tlsforge_ticket_callback", callback)


def _address(pointer: Any) -> int:
    return int(_ffi.cast("uintptr_t", pointer))
