"""TLS on a non-blocking socket: the calls that a connection needs of OpenSSL, and what each of them led to.

OpenSSL reads and writes the socket itself. The calls that come up for every record go past pyOpenSSL's wrappers to the functions that
cryptography binds, since the wrappers raise for each wait; everything else is pyOpenSSL's.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from OpenSSL import SSL

from .descriptor import Descriptor

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")

#: A call of ``read`` gives no more than this. One buffer does for all: what is read is copied before anybody else reads.
READ_BYTES = 1 << 16
#: The most that a record holds: with less room another one might not fit.
RECORD_BYTES = 1 << 14
_WANT_READ: int = _lib.SSL_ERROR_WANT_READ
_WANT_WRITE: int = _lib.SSL_ERROR_WANT_WRITE
_ZERO_RETURN: int = _lib.SSL_ERROR_ZERO_RETURN
_buffer: Any = _ffi.new("char[]", READ_BYTES)
_contents: Any = _ffi.buffer(_buffer)


class Outcome(Enum):
    """``WANTS_READ`` and ``WANTS_WRITE``: call again when the socket can do that; ``write`` then with the same data."""

    DONE = auto()
    WANTS_READ = auto()
    WANTS_WRITE = auto()
    #: The peer has said that it sends no more (close_notify).
    CLOSED = auto()
    #: ``Engine.error`` says why; there is no going on.
    FAILED = auto()


class Engine:
    """One server connection. ``connection`` is for what is asked once: certificates, names, the negotiated protocol."""

    error: SSL.Error | None = None

    def __init__(self, context: SSL.Context, on: Descriptor) -> None:
        # Of a socket it wants the number only.
        self.connection = SSL.Connection(context, on)  # type: ignore[arg-type]
        self.connection.set_accept_state()
        self._ssl: Any = getattr(self.connection, "_ssl")

    def handshake(self) -> Outcome:
        _lib.ERR_clear_error()
        result = _lib.SSL_do_handshake(self._ssl)
        return Outcome.DONE if result == 1 else self._stopped(result)

    def read(self) -> tuple[bytes, Outcome]:
        """What there is, and why there is no more: ``DONE`` when only the room was used up. Not everything that has come is known to
        the poller: OpenSSL keeps some, so it has to be called until it wants to read."""
        filled = 0
        while filled <= READ_BYTES - RECORD_BYTES:
            _lib.ERR_clear_error()
            result = _lib.SSL_read(self._ssl, _buffer + filled, READ_BYTES - filled)
            if result <= 0:
                return _contents[:filled], self._stopped(result)
            filled += result
        return _contents[:filled], Outcome.DONE

    def read_record(self) -> tuple[bytes, Outcome]:
        """The next record's, without looking whether there is another."""
        _lib.ERR_clear_error()
        result = _lib.SSL_read(self._ssl, _buffer, RECORD_BYTES)
        return (_contents[:result], Outcome.DONE) if result > 0 else (b"", self._stopped(result))

    def write(self, data: bytes | memoryview) -> tuple[int, Outcome]:
        """How much was taken; after a wait OpenSSL has some of the rest already."""
        _lib.ERR_clear_error()
        result = _lib.SSL_write(self._ssl, data if type(data) is bytes else _ffi.from_buffer(data), len(data))
        return (result, Outcome.DONE) if result > 0 else (0, self._stopped(result))

    def shutdown(self) -> Outcome:
        """Says that nothing more will be sent (close_notify)."""
        _lib.ERR_clear_error()
        result = _lib.SSL_shutdown(self._ssl)
        return Outcome.DONE if result >= 0 else self._stopped(result)

    def _stopped(self, result: int) -> Outcome:
        error = _lib.SSL_get_error(self._ssl, result)
        if error == _WANT_READ:
            return Outcome.WANTS_READ
        if error == _WANT_WRITE:
            return Outcome.WANTS_WRITE
        if error == _ZERO_RETURN:
            return Outcome.CLOSED
        try:
            getattr(self.connection, "_raise_ssl_error")(self._ssl, result)
        except SSL.Error as raised:
            self.error = raised.with_traceback(None)
        return Outcome.FAILED
