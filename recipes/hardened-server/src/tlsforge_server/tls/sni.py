"""The server's side of server name indication (RFC 6066, section 3): a look into a table, and another context for the connection."""

from __future__ import annotations

from typing import Any, Mapping

from OpenSSL import SSL

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")
_SIGNATURE = "int (*)(SSL *, int *, void *)"


def choose_by_name(default: SSL.Context, contexts: Mapping[str, SSL.Context], *, strict: bool) -> None:
    """Connections of ``default`` go over to the context of the name that their client asks for; ``contexts`` has names in lower case,
    wildcards for one label among them. Any other client stays with ``default``; when ``strict`` it is refused with unrecognized_name,
    which OpenSSL sends for a refusal here. Raises MemoryError where no callback can be made.

    Who resumes a session of TLS 1.2 is taken at the name that the session began with (SSL_get_servername), whatever it asks for.
    OpenSSL itself refuses names that are empty, longer than 255 bytes or have a NUL in them. All but certificates, staples and ALPN comes
    from ``default`` whatever is chosen, so all contexts must be made from one policy.
    """
    # The callback lives with the default context, and must not keep it alive in turn.
    table: dict[bytes, SSL.Context | None] = {name.encode(): None if each is default else each for name, each in contexts.items()}
    otherwise = int(_lib.SSL_TLSEXT_ERR_ALERT_FATAL if strict else _lib.SSL_TLSEXT_ERR_NOACK)
    host_name = _lib.TLSEXT_NAMETYPE_host_name

    def choose(ssl: Any, _alert: Any, _argument: Any) -> int:
        asked = _lib.SSL_get_servername(ssl, host_name)
        if asked == _ffi.NULL:
            return otherwise
        name = _ffi.string(asked).lower().removesuffix(b".")
        if name not in table:
            label, _dot, rest = name.partition(b".")
            name = b"*." + rest
            if not label or name not in table:
                return otherwise
        context = table[name]
        if context is not None and _lib.SSL_set_SSL_CTX(ssl, getattr(context, "_context")) == _ffi.NULL:
            return int(_lib.SSL_TLSEXT_ERR_ALERT_FATAL)
        return int(_lib.SSL_TLSEXT_ERR_OK)

    callback = _ffi.callback(_SIGNATURE, choose, error=otherwise)
    _lib.SSL_CTX_set_tlsext_servername_callback(getattr(default, "_context"), callback)
    # OpenSSL keeps only the address: it has to live as long as the context, and does so where pyOpenSSL keeps its own.
    setattr(default, "_tlsext_servername_callback", callback)
