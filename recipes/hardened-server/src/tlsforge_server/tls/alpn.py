"""The server's side of ALPN (RFC 7301), decided once for each offer that is seen.

pyOpenSSL's callback is an object for each name, and an exception for a refusal, in each handshake; ours is one look into a table.
"""

from __future__ import annotations

from typing import Any, Sequence

from OpenSSL import SSL

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")
_SIGNATURE = "int (*)(SSL *, unsigned char **, unsigned char *, const unsigned char *, unsigned int, void *)"
#: Clients make up what they offer, so the table has an end.
_REMEMBERED = 256


def select_first(context: SSL.Context, ours: Sequence[bytes]) -> None:
    """The first of ours that a client offers. Where none is, the handshake ends with no_application_protocol (section 3.2); a client
    that offers nothing is served without. Raises MemoryError where no callback can be made."""
    names = [_ffi.new("unsigned char[]", name) for name in ours]
    lengths = [len(name) for name in ours]
    table: dict[bytes, int | None] = {}

    def choose(offer: bytes) -> int | None:
        offered = _parse(offer)
        chosen = next((index for index, name in enumerate(ours) if name in offered), None)
        if len(table) < _REMEMBERED:
            table[offer] = chosen
        return chosen

    def select(_ssl: Any, out: Any, out_length: Any, offer: Any, length: int, _argument: Any) -> int:
        key = _ffi.buffer(offer, length)[:]
        chosen = table[key] if key in table else choose(key)
        if chosen is None:
            return int(_lib.SSL_TLSEXT_ERR_ALERT_FATAL)
        out[0] = names[chosen]
        out_length[0] = lengths[chosen]
        return int(_lib.SSL_TLSEXT_ERR_OK)

    callback = _ffi.callback(_SIGNATURE, select, error=_lib.SSL_TLSEXT_ERR_ALERT_FATAL)
    _lib.SSL_CTX_set_alpn_select_cb(getattr(context, "_context"), callback, _ffi.NULL)
    # OpenSSL keeps only the address: it has to live as long as the context, and does so where pyOpenSSL keeps its own.
    setattr(context, "_alpn_select_callback", callback)


def _parse(offer: bytes) -> list[bytes]:
    """Names with their lengths before them; OpenSSL has checked the form."""
    names = []
    while offer:
        end = 1 + offer[0]
        names.append(offer[1:end])
        offer = offer[end:]
    return names
