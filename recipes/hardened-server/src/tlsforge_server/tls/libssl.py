"""What pyOpenSSL does not wrap, called on the libssl that is already mapped. Refused when that is not the one configured."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Callable, Protocol, Sequence

from OpenSSL import SSL

from ..errors import ServerError
from .sealing import KEY_BYTES, Sealing

MAPS = Path("/proc/self/maps")


class LibSsl(Protocol):
    """The calls on a context that need libssl itself."""

    @property
    def path(self) -> str:
        """Where the library lies."""

    def set_ticket_count(self, context: SSL.Context, count: int) -> None:
        """How many NewSessionTicket messages follow a TLS 1.3 handshake (SSL_CTX_set_num_tickets). Raises ServerError when OpenSSL refuses."""

    def set_ticket_keys(self, context: SSL.Context, keys: Sequence[bytes]) -> None:
        """What tickets are sealed with, and then what they are opened with too (SSL_CTX_set_tlsext_ticket_key_evp_cb). Raises ServerError
        for keys of another length, MemoryError where no callback can be made."""

    def set_read_ahead(self, context: SSL.Context) -> None:
        """Reads what there is with one system call instead of two for each record (SSL_CTX_set_read_ahead)."""


#: What is a macro in openssl/ssl.h.
_CTRL_SET_READ_AHEAD = 41

#: How the libssl at the configured path is opened.
OpenLibSsl = Callable[[Path], LibSsl]


class MappedLibSsl:
    """The one libssl in this process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
        self._library.SSL_CTX_set_num_tickets.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self._library.SSL_CTX_set_num_tickets.restype = ctypes.c_int
        self._library.SSL_CTX_get_num_tickets.argtypes = (ctypes.c_void_p,)
        self._library.SSL_CTX_get_num_tickets.restype = ctypes.c_size_t
        self._library.SSL_CTX_ctrl.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)
        self._library.SSL_CTX_ctrl.restype = ctypes.c_long
        self._sealing = Sealing(self._library)

    def set_ticket_count(self, context: SSL.Context, count: int) -> None:
        pointer = _pointer(context)
        done = self._library.SSL_CTX_set_num_tickets(pointer, count)
        found = self._library.SSL_CTX_get_num_tickets(pointer)
        if done != 1 or found != count:
            raise ServerError("policy-refused", f"OpenSSL has {found} session tickets for each connection, expected {count}")

    def set_ticket_keys(self, context: SSL.Context, keys: Sequence[bytes]) -> None:
        if {len(key) for key in keys} != {KEY_BYTES}:
            raise ServerError("policy-refused", f"a session ticket key must have {KEY_BYTES} bytes, not {', '.join(str(len(key)) for key in keys)}")
        self._sealing.use_in(context, keys)

    def set_read_ahead(self, context: SSL.Context) -> None:
        self._library.SSL_CTX_ctrl(_pointer(context), _CTRL_SET_READ_AHEAD, 1, None)


def _pointer(context: SSL.Context) -> ctypes.c_void_p:
    return ctypes.c_void_p(int(getattr(SSL, "_ffi").cast("uintptr_t", context._context)))


def open_mapped(configured: Path) -> LibSsl:
    """The libssl of this process, or ServerError ``libssl-refused`` when it is not exactly the configured one."""
    try:
        maps = MAPS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ServerError("libssl-refused", f"which libssl is mapped cannot be told: {MAPS}: {error.strerror}") from error
    check_mapped(mapped_libraries(maps, "libssl"), configured)
    crypto = mapped_libraries(maps, "libcrypto")
    if len(crypto) != 1:
        raise ServerError("libssl-refused", f"{len(crypto)} libcrypto are mapped, expected one: {', '.join(crypto) or 'none'}")
    return MappedLibSsl(str(configured))


def check_mapped(mapped: list[str], configured: Path) -> None:
    """Refuses unless the libraries mapped are exactly the configured one."""
    hint = "run the server with the Python of the stack, whose cryptography is built against this OpenSSL"
    if not mapped:
        raise ServerError("libssl-refused", f"no libssl is mapped as a file of its own, expected {configured}", hint)
    if len(mapped) > 1:
        raise ServerError("libssl-refused", f"more than one libssl is mapped: {', '.join(mapped)}", hint)
    if os.path.realpath(configured) != mapped[0]:
        raise ServerError("libssl-refused", f"the libssl in use is {mapped[0]}, expected {configured}", hint)


def mapped_libraries(maps: str, stem: str) -> list[str]:
    """Paths of the mapped shared objects called ``stem``, ``stem-…`` or ``stem.…``, sorted, from the text of a maps file."""
    found: set[str] = set()
    for line in maps.splitlines():
        columns = line.split(maxsplit=5)
        if len(columns) < 6 or not columns[5].startswith("/"):
            continue
        name = columns[5].rsplit("/", 1)[-1]
        if name.startswith((f"{stem}.so", f"{stem}-", f"{stem}.")):
            found.add(columns[5])
    return sorted(found)
