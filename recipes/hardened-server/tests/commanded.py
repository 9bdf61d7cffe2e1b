"""An application that does what its client's first line says, and tells what happens to it."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IPullProducer, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

reactor: Any = global_reactor


def tell(**event: object) -> None:
    os.write(1, json.dumps(event).encode() + b"\n")


def pattern(length: int) -> bytes:
    """Bytes in which every place is told from its neighbours."""
    return (b"".join(number.to_bytes(4, "big") for number in range(length // 4 + 1)))[:length]


@implementer(IHandshakeListener)
class Commanded(Protocol):
    transport: Any

    def connectionMade(self) -> None:
        self.command: Any = None
        self.received = 0
        self.head = b""

    def handshakeCompleted(self) -> None:
        tell(event="handshake", alpn=(self.transport.negotiatedProtocol or b"").decode())

    def dataReceived(self, data: bytes) -> None:
        if self.command is None:
            self.head += data
            line, found, data = self.head.partition(b"\n")
            if not found:
                return
            name, *arguments = line.decode().split()
            self.command = getattr(self, f"do_{name}")
            self.command(*arguments)
        self.received += len(data)
        if self.command == self.do_echo and data:
            self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        tell(event="lost", reason=type(reason.value).__name__, received=self.received)

    def do_echo(self) -> None:
        """From here on what comes goes back."""

    def do_count(self) -> None:
        """What comes is counted."""

    def do_info(self) -> None:
        transport = self.transport
        facts = {"host": transport.getHost().port, "peer": transport.getPeer().port, "noDelay": transport.getTcpNoDelay()}
        transport.setTcpKeepAlive(True)
        facts |= {"keepAlive": transport.getTcpKeepAlive(), "certificate": transport.getPeerCertificate()}
        facts["cipher"] = transport.getHandle().get_cipher_name()
        transport.write(json.dumps(facts).encode())
        transport.loseConnection()

    def do_write(self, length: str) -> None:
        self.transport.write(pattern(int(length)))
        self.transport.loseConnection()
        self.transport.write(b"after the end")

    def do_keep(self, length: str) -> None:
        self.transport.write(pattern(int(length)))

    def do_pieces(self, count: str) -> None:
        for number in range(int(count)):
            self.transport.writeSequence([number.to_bytes(4, "big")])
        self.transport.loseConnection()

    def do_produce(self, kind: str, length: str, piece: str) -> None:
        producer = (Pushing if kind == "push" else Pulled)(self.transport, pattern(int(length)), int(piece))
        self.transport.registerProducer(producer, kind == "push")
        # The end comes after what the producer brings.
        self.transport.loseConnection()

    def do_pause(self, seconds: str) -> None:
        self.transport.pauseProducing()

        def resume() -> None:
            tell(event="resumed", received=self.received)
            self.transport.resumeProducing()

        reactor.callLater(float(seconds), resume)

    def do_half(self, length: str) -> None:
        self.transport.write(pattern(int(length)))
        self.transport.loseWriteConnection()

    def do_half_paused(self, length: str) -> None:
        self.do_half(length)
        self.transport.pauseProducing()

    def do_half_narrow(self, length: str) -> None:
        self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
        self.do_half(length)

    def do_abort(self) -> None:
        self.transport.write(b"dropped")
        self.transport.abortConnection()
        self.transport.loseConnection()

    def do_raise(self) -> None:
        raise ZeroDivisionError("as asked")


@implementer(IHalfCloseableProtocol)
class HalfClosing(Commanded):
    def readConnectionLost(self) -> None:
        tell(event="read lost", received=self.received)
        self.transport.write(b"the rest")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        tell(event="write lost")


class _Producer:
    def __init__(self, consumer: Any, data: bytes, piece: int) -> None:
        self.consumer = consumer
        self.data = data
        self.piece = piece
        self.pauses = 0

    def stopProducing(self) -> None:
        tell(event="stopped")

    def give(self) -> None:
        piece, self.data = self.data[: self.piece], self.data[self.piece :]
        self.consumer.write(piece)
        if not self.data:
            self.consumer.unregisterProducer()
            tell(event="produced", pauses=self.pauses)


@implementer(IPullProducer)
class Pulled(_Producer):
    def resumeProducing(self) -> None:
        self.give()


@implementer(IPushProducer)
class Pushing(_Producer):
    def __init__(self, consumer: Any, data: bytes, piece: int) -> None:
        super().__init__(consumer, data, piece)
        self.paused = False
        reactor.callLater(0, self.push)

    def push(self) -> None:
        while self.data and not self.paused:
            self.give()

    def pauseProducing(self) -> None:
        self.pauses += 1
        self.paused = True
        tell(event="paused", left=len(self.data))

    def resumeProducing(self) -> None:
        self.paused = False
        self.push()
