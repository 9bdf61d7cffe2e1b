"""A socket that the reactor watches for one or both directions."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

#: tcp(7); Python knows no other system's name of it.
_CORK: int | None = getattr(socket, "TCP_CORK", None)
#: With its kind and family given, a socket's object is made without asking the kernel for them.
_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK


class Descriptor:
    """Asks the reactor only for changes: each costs a system call. The socket is a number; Python's object of it is made when somebody asks.

    What every connection reads or sets is given to each in ``__init__``, here and in what is made of this: a value that is the class's and
    then the object's is looked up by a slow way. Python has a fast one for 30 names of an object.
    """

    def __init__(self, reactor: Any, number: int, peer: tuple[Any, ...]) -> None:
        os.set_blocking(number, False)
        self.reactor = reactor
        self.peer = peer
        self._number = number
        self._reading = False
        self._writing = False
        self._socket: socket.SocketType | None = None

    @property
    def socket(self) -> socket.SocketType:
        """Raises OSError when it is closed."""
        if self._socket is None:
            if self._number == -1:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            family = socket.AF_INET if len(self.peer) == 2 else socket.AF_INET6
            self._socket = socket.SocketType(family, _STREAM, socket.IPPROTO_TCP, self._number)
        return self._socket

    def fileno(self) -> int:
        """-1 when it is closed."""
        return self._number

    def _read_on(self) -> None:
        if not self._reading:
            self._reading = True
            self.reactor.addReader(self)

    def _read_off(self) -> None:
        if self._reading:
            self._reading = False
            self.reactor.removeReader(self)

    def _write_on(self) -> None:
        if not self._writing:
            self._writing = True
            self.reactor.addWriter(self)

    def _write_off(self) -> None:
        if self._writing:
            self._writing = False
            self.reactor.removeWriter(self)

    def _close(self) -> None:
        if self._reading:
            self._read_off()
        if self._writing:
            self._write_off()
        number, self._number = self._number, -1
        if self._socket is None:
            os.close(number)
        else:
            self._socket.close()

    def _cork(self) -> None:
        """Holds back what does not fill a packet until ``_shut``: what is left to send, the closing alert and the end leave in one."""
        if _CORK is not None:
            try:
                self.socket.setsockopt(socket.IPPROTO_TCP, _CORK, 1)
            except OSError:
                pass  # Whatever is wrong with the socket, the next write meets it.

    def _shut(self) -> bool:
        """Sends nothing more (FIN). False when there is nobody left to send to."""
        try:
            (self._socket or self.socket).shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def _read_nothing(self) -> bool:
        """Takes what has come and drops it. Whether the peer has come to its end."""
        try:
            return not self.socket.recv(1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            return True
