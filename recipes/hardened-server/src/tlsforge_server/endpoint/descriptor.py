"""A socket that the reactor watches for one or both directions."""

from __future__ import annotations

import socket
from typing import Any


class Descriptor:
    """Asks the reactor only for changes: each costs a system call."""

    _reading = False
    _writing = False

    def __init__(self, reactor: Any, on: socket.socket) -> None:
        on.setblocking(False)
        self.reactor = reactor
        self.socket = on
        self._number = on.fileno()

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
        self._read_off()
        self._write_off()
        self._number = -1
        self.socket.close()

    def _shut(self) -> bool:
        """Sends nothing more (FIN). False when there is nobody left to send to."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
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
