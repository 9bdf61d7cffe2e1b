"""Accepts connections from a listening socket, as one of the reactor's readers."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, Callable

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

log = Logger(namespace="tlsforge")

#: The most at a time: another process may accept from the same socket, and those that are open want their turn. With 1, 2, 4 or 8 two workers
#: share no better and spend no less than the runs differ by; with 12 clients at once 1 takes some 4 % more CPU for a handshake.
_AT_ONCE = 32
_FILLED = 8
_USED_UP = (errno.EMFILE, errno.ENFILE)
#: What is wrong with one connection, or too much for now (accept(2)); the next try may be right.
_PASSING = (errno.ECONNABORTED, errno.EPERM, errno.EINTR, errno.EPROTO, errno.ENOBUFS, errno.ENOMEM)

#: Gets a connected socket's number and its peer's address. The socket is then its business, whatever goes wrong.
Accepted = Callable[[int, tuple[Any, ...]], None]


@implementer(IListeningPort, IReadDescriptor)
class Port:
    """Has a descriptor of its own for the socket. ``accepted`` gets every connection and its peer's address; ``factory`` is told of the
    start and the stop, as by Twisted's ports."""

    def __init__(self, reactor: Any, listening: socket.socket, factory: Any, accepted: Accepted) -> None:
        self._reactor = reactor
        self._factory = factory
        self._accepted = accepted
        self._socket = listening.dup()
        self._socket.setblocking(False)
        # Connections have it from here: an answer must not wait for the acknowledgement of what was sent before it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What accept() makes a Python object of.
        self._accept: Callable[[], tuple[int, tuple[Any, ...]]] = getattr(self._socket, "_accept")
        self._spare: int | None = _spare()
        self._listening = False
        self._full = False
        # Doubled when so many were there several times: asking once too often costs 4 microseconds.
        self._at_once = 1
        self._filled = 0

    def startListening(self) -> None:
        self._factory.doStart()
        self._listening = True
        self._reactor.addReader(self)

    def stopListening(self) -> Deferred[None]:
        if self._listening:
            self.connectionLost()
        return succeed(None)

    def getHost(self) -> IPv4Address | IPv6Address:
        return address_of(self._socket.getsockname())

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return type(self._factory).__name__

    def doRead(self) -> None:
        accept = self._accept
        for taken in range(self._at_once):
            try:
                number, peer = accept()
            except BlockingIOError:
                self._at_once = max(1, taken)
                self._filled = 0
                return
            except OSError as error:
                if error.errno in _USED_UP:
                    self._turn_away(error)
                elif error.errno not in _PASSING:
                    raise
                return
            self._full = False
            try:
                self._accepted(number, peer)
            except Exception:
                log.failure("a connection could not be taken")
            if not self._listening:
                return
        self._filled += 1
        if self._filled == _FILLED:
            self._filled = 0
            self._at_once = min(2 * self._at_once, _AT_ONCE)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._listening = False
        self._reactor.removeReader(self)
        self._socket.close()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        self._factory.doStop()

    def _turn_away(self, error: OSError) -> None:
        """Without descriptors one connection at a time is taken with the spare one and closed: left waiting, it would wake us without end."""
        if not self._full:
            log.warn("connections are turned away: {why}", why=error.strerror)
        self._full = True
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        try:
            self._socket.accept()[0].close()
        except OSError:
            pass
        self._spare = _spare()


def address_of(address: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    """An address as Twisted has it, of what the socket module gives."""
    if len(address) == 2:
        return IPv4Address("TCP", *address)
    if address[3]:
        # With the name of its interface, as Twisted gives addresses that mean nothing without.
        host = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
        return IPv6Address("TCP", host, *address[1:])
    return IPv6Address("TCP", *address)


def _spare() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
