"""TLS on a non-blocking socket: the calls that a connection needs of OpenSSL, and what each of them led to.

OpenSSL reads and writes the socket itself. What every connection calls goes past pyOpenSSL to the functions that cryptography binds: its
wrappers raise for each wait, and its object for a connection costs as much as a system call or ten. Who asks for that object gets one.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from OpenSSL import SSL

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")
# Bound once: each look into cffi's library goes by a string.
_clear_error, _get_error = _lib.ERR_clear_error, _lib.SSL_get_error
_new, _free, _gc, _set_fd, _set_accept_state = _lib.SSL_new, _lib.SSL_free, _ffi.gc, _lib.SSL_set_fd, _lib.SSL_set_accept_state
_do_handshake, _read, _write, _shutdown = _lib.SSL_do_handshake, _lib.SSL_read, _lib.SSL_write, _lib.SSL_shutdown

#: A call of ``read`` gives no more than this. One buffer does for all: what is read is copied before anybody else reads.
READ_BYTES = 1 << 16
#: The most that a record holds: with less room another one might not fit.
RECORD_BYTES = 1 << 14
_WANT_READ: int = _lib.SSL_ERROR_WANT_READ
_WANT_WRITE: int = _lib.SSL_ERROR_WANT_WRITE
_ZERO_RETURN: int = _lib.SSL_ERROR_ZERO_RETURN
_buffer: Any = _ffi.new("char[]", READ_BYTES)
_contents: Any = _ffi.buffer(_buffer)
_name: Any = _ffi.new("unsigned char **")
_name_length: Any = _ffi.new("unsigned int *")


class Outcome(Enum):
    """``WANTS_READ`` and ``WANTS_WRITE``: call again when the socket can do that; ``write`` then with the same data."""

    DONE = auto()
    WANTS_READ = auto()
    WANTS_WRITE = auto()
    #: The peer has said that it sends no more (close_notify).
    CLOSED = auto()
    #: ``Engine.error`` says why; there is no going on.
    FAILED = auto()


# Python looks the members of an enumeration up by a slow way.
DONE, WANTS_READ, WANTS_WRITE, CLOSED, FAILED = Outcome


class Engine:
    """One server connection on a socket's number. ``context`` has no callback of pyOpenSSL's own, which would look for its object."""

    def __init__(self, context: SSL.Context, number: int) -> None:
        self.error: SSL.Error | None = None
        self._wrapped: SSL.Connection | None = None
        # Its callbacks live as long as it does. ``_raise_ssl_error`` looks for it by this name.
        self._context = context
        ssl = _new(getattr(context, "_context"))
        if not ssl:
            raise MemoryError("OpenSSL has no room for a connection")
        self._ssl: Any = _gc(ssl, _free)
        if _set_fd(ssl, number) != 1:
            raise MemoryError("OpenSSL has no room for a connection")
        _set_accept_state(ssl)

    def wrapped(self, on: Any) -> SSL.Connection:
        """pyOpenSSL's object, for what is asked once: certificates, names. What it does not know of TLS it asks of ``on``, which has the
        socket's number."""
        if self._wrapped is None:
            # Made with an SSL of its own, which is never used and goes with it.
            self._wrapped = SSL.Connection(self._context, on)
            setattr(self._wrapped, "_ssl", self._ssl)
        return self._wrapped

    def negotiated_protocol(self) -> bytes:
        """By ALPN; empty without."""
        _lib.SSL_get0_alpn_selected(self._ssl, _name, _name_length)
        return bytes(_ffi.buffer(_name[0], _name_length[0]))

    def handshake(self) -> Outcome:
        _clear_error()
        result = _do_handshake(self._ssl)
        return DONE if result == 1 else self._stopped(result)

    def read(self) -> tuple[bytes, Outcome]:
        """What there is, and why there is no more: ``DONE`` when only the room was used up. Not everything that has come is known to
        the poller: OpenSSL keeps some, so it has to be called until it wants to read."""
        filled = 0
        while filled <= READ_BYTES - RECORD_BYTES:
            _clear_error()
            result = _read(self._ssl, _buffer + filled, READ_BYTES - filled)
            if result <= 0:
                return _contents[:filled], self._stopped(result)
            filled += result
        return _contents[:filled], DONE

    def read_record(self) -> tuple[bytes, Outcome]:
        """The next record's, without looking whether there is another."""
        _clear_error()
        result = _read(self._ssl, _buffer, RECORD_BYTES)
        return (_contents[:result], DONE) if result > 0 else (b"", self._stopped(result))

    def drop(self) -> Outcome:
        """As ``read``, for what nobody wants."""
        for _ in range(READ_BYTES // RECORD_BYTES):
            _clear_error()
            result = _read(self._ssl, _buffer, READ_BYTES)
            if result <= 0:
                return self._stopped(result)
        return DONE

    def write(self, data: bytes | memoryview) -> tuple[int, Outcome]:
        """How much was taken; after a wait OpenSSL has some of the rest already."""
        _clear_error()
        result = _write(self._ssl, data if type(data) is bytes else _ffi.from_buffer(data), len(data))
        return (result, DONE) if result > 0 else (0, self._stopped(result))

    def shutdown(self) -> Outcome:
        """Says that nothing more will be sent (close_notify)."""
        _clear_error()
        result = _shutdown(self._ssl)
        return DONE if result >= 0 else self._stopped(result)

    def _stopped(self, result: int) -> Outcome:
        error = _get_error(self._ssl, result)
        if error == _WANT_READ:
            return WANTS_READ
        if error == _WANT_WRITE:
            return WANTS_WRITE
        if error == _ZERO_RETURN:
            return CLOSED
        try:
            # It wants nothing of its object but the context.
            getattr(SSL.Connection, "_raise_ssl_error")(self, self._ssl, result)
        except SSL.Error as raised:
            self.error = raised.with_traceback(None)
        return FAILED
