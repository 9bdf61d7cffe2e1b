"""A TLS connection as Twisted's applications use it."""

from __future__ import annotations

import socket
from typing import Any, Iterable

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    ILoggingContext,
    INegotiated,
    IPushProducer,
    IReadWriteDescriptor,
    ISSLTransport,
    ISystemHandle,
    ITCPTransport,
)
from zope.interface import implementer

from .connection import Connection
from .house import HANDSHAKE, OPEN
from .port import address_of

#: Above this what waits goes out at once, and a producer is paused that brings more than the socket takes.
BUFFER_BYTES = 1 << 16


@implementer(
    ISSLTransport, ITCPTransport, INegotiated, ISystemHandle, IConsumer, IPushProducer, IReadWriteDescriptor, IHalfCloseableDescriptor, ILoggingContext
)
class TlsTransport(Connection):
    """What these interfaces say. ``startTLS`` is not among them. After ``loseConnection`` nothing is received any more, as with TCP."""

    # ITransport

    def write(self, data: bytes) -> None:
        if type(data) is not bytes:
            data = _octets(data)
        if not data or self._refuses_writes():
            return
        self._outbox.append(data)
        self._written()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        pieces = [_octets(each) for each in iovec]
        if self._refuses_writes():
            return
        for each in pieces:
            if each:
                self._outbox.append(each)
        if self._outbox.size:
            self._written()

    def loseConnection(self) -> None:
        """Closes after what was written, and after what a registered producer will still write."""
        if self._state is OPEN and not self.disconnecting:
            self.disconnecting = True
            if not self._reading and not self._read_closed:
                self._read_on()
            if not self._corked:
                self._later()
        elif self._state is HANDSHAKE:
            self.abortConnection()

    def loseWriteConnection(self) -> None:
        """Says with a closing alert, after what was written, that nothing more will be. What the peer sends still comes."""
        if self._state is OPEN and not self._write_closed:
            self._write_closing = True
            if not self._corked:
                self._later()

    def getHost(self) -> IPv4Address | IPv6Address:
        return address_of(self.socket.getsockname())

    def getPeer(self) -> IPv4Address | IPv6Address:
        return address_of(self.peer)

    # ISSLTransport, INegotiated, ISystemHandle

    def getPeerCertificate(self) -> Any:
        return None if self._engine is None else self._engine.wrapped(self).get_peer_certificate()

    @property
    def negotiatedProtocol(self) -> bytes | None:
        return None if self._engine is None else self._engine.negotiated_protocol() or None

    def getHandle(self) -> SSL.Connection | None:
        """pyOpenSSL's connection while there is one, for what only it can tell."""
        return None if self._engine is None else self._engine.wrapped(self)

    # ITCPTransport

    def getTcpNoDelay(self) -> bool:
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        self._set(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._set(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError(f"the producer {producer!r} cannot be registered: {self.producer!r} was never unregistered")
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        self.streamingProducer = streaming
        self.producerPaused = False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None
        if (self.disconnecting or self._write_closing) and not self._corked:
            self._later()

    # IPushProducer

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        if not self._paused:
            return
        self._paused = False
        if self._state is OPEN and not self.disconnecting and not self._read_closed:
            self._read_on()
            # OpenSSL may hold data that the poller does not know of.
            self._more = True
            self._house.turns.add(self)

    def stopProducing(self) -> None:
        self.loseConnection()

    #: In no interface, and called by applications all the same: Twisted's transports have them.
    stopReading = pauseProducing
    startReading = resumeProducing

    def _refuses_writes(self) -> bool:
        return (
            self._state is not OPEN
            or self._failed
            or self._ending
            or self._write_closed
            or (self.disconnecting and self.producer is None)
        )

    def _written(self) -> None:
        self._brought = True
        if self._blocked or (self._outbox.size >= BUFFER_BYTES and not self._send()):
            if self._outbox.size > BUFFER_BYTES and self.streamingProducer and self.producer is not None and not self.producerPaused:
                self.producerPaused = True
                self.producer.pauseProducing()
        elif not self._corked:
            self._later()

    def _later(self) -> None:
        self._house.turns.add(self)

    def _set(self, level: int, option: int, enabled: bool) -> None:
        try:
            self.socket.setsockopt(level, option, int(enabled))
        except OSError:
            pass  # On some systems it fails for a connection that is about to go; nothing depends on it.


def _octets(data: object) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"expected bytes, got {type(data).__name__}")
