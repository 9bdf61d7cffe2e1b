"""Clients that come to a server of several workers, and can say which of them they meet."""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from client import get
from conftest import COMMAND, LIBSSL
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from family import stopped
from OpenSSL import SSL
from tlsforge_server.tls.loopback import client_context

_lib: Any = getattr(SSL, "_lib")
_ffi: Any = getattr(SSL, "_ffi")


@dataclass(frozen=True)
class Visit:
    """A handshake and one request."""

    status: int
    #: SHA-256 of the leaf that was shown.
    certificate: bytes
    #: Empty where none came.
    staple: bytes
    resumed: bool
    #: Of the handshake.
    seconds: float
    #: For the next visit with the same context.
    session: SSL.Session = field(repr=False)

    @property
    def ticket(self) -> bytes:
        """Empty when the server has sent none. Begins with the name of the key that it is sealed with (RFC 5077, section 4)."""
        return _ticket(self.session)


def visitor(version: str | None = None) -> SSL.Context:
    """A client that asks for a staple."""
    context = client_context(version=version)
    context.set_ocsp_client_callback(_take)
    return context


def visit(port: int, context: SSL.Context, session: SSL.Session | None = None) -> Visit:
    """Raises SSL.Error or OSError when anything goes wrong."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as tcp:
        tcp.settimeout(None)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 20, 0))
        connection = SSL.Connection(context, tcp)
        staples: list[bytes] = []
        connection.set_app_data(staples)
        connection.set_connect_state()
        connection.set_tlsext_host_name(b"localhost")
        connection.request_ocsp()
        if session is not None:
            connection.set_session(session)
        began = time.monotonic()
        connection.do_handshake()
        seconds = time.monotonic() - began
        leaf = connection.get_peer_certificate(as_cryptography=True)
        assert isinstance(leaf, x509.Certificate)
        # Tickets of TLS 1.3 are taken when something is read.
        status = get(connection)[0]
        found = connection.get_session()
        assert found is not None
        # OpenSSL lets no session go on whose connection was only dropped.
        connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        resumed = _lib.SSL_session_reused(getattr(connection, "_ssl")) == 1
        return Visit(status, leaf.fingerprint(hashes.SHA256()), b"".join(staples), resumed, seconds, found)


@contextmanager
def met(pid: int, workers: Sequence[int]) -> Iterator[None]:
    """Of the workers only this one takes connections meanwhile. Shorter than the server waits for those that do not answer."""
    with stopped([each for each in workers if each != pid]):
        yield


def command_after(statements: str) -> list[str]:
    """The server's program, with something done before it begins. Not for the wheel."""
    assert LIBSSL is not None
    return [each.replace("from tlsforge_server.__main__", f"{statements}; from tlsforge_server.__main__") for each in COMMAND]


def _take(connection: SSL.Connection, staple: bytes, _data: object) -> bool:
    connection.get_app_data().append(staple)
    return True


def _ticket(session: SSL.Session) -> bytes:
    library = ctypes.CDLL(LIBSSL)
    start, length = ctypes.c_void_p(), ctypes.c_size_t()
    address = ctypes.c_void_p(int(_ffi.cast("uintptr_t", getattr(session, "_session"))))
    library.SSL_SESSION_get0_ticket(address, ctypes.byref(start), ctypes.byref(length))
    return ctypes.string_at(start, length.value) if length.value else b""
