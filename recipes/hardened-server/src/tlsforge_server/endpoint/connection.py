"""The life of one TLS connection on a socket that OpenSSL reads and writes, driven by the reactor: handshake, data both ways, its end.

The application's protocol is made when the handshake is done, so it knows from the start what was negotiated. What it writes while it
handles data, or in one turn of the reactor, leaves in as few records as possible. A connection that it closes is told to its protocol as
soon as everything is sent; the socket then waits for the peer's end, since closing it with unread data would destroy what is under way.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, ILoggingContext
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from .engine import CLOSED, DONE, FAILED, RECORD_BYTES, WANTS_READ, WANTS_WRITE
from .house import ABORTED, ALERT, HANDSHAKE, LINGER, LOST, OPEN, House
from .port import address_of
from .sending import Sender

_RESET = struct.pack("ii", 1, 0)


class Connection(Sender):
    """What the reactor calls, and what makes the end of it. ``TlsTransport`` adds what applications call."""

    _log_prefix: str | None = None

    def __init__(self, house: House, number: int, peer: tuple[Any, ...]) -> None:
        super().__init__(house, number, peer)
        self.connected = 1
        self.disconnected = 0
        self.protocol: Any = None
        #: By the application.
        self._paused = False
        #: Reading waits until the socket can be written; OpenSSL may hold more than was read.
        self._read_blocked = False
        self._more = False
        self._read_closed = False
        self._write_closed = False
        # Before its deadline: one that the reactor does not take is closed by whoever accepted it, and its number is another's when it comes due.
        self._read_on()
        self._deadline = house.handshakes
        self._deadline.start(self)

    def logPrefix(self) -> str:
        if self._log_prefix is not None:
            return self._log_prefix
        protocol = self.protocol
        if protocol is None:
            return "TLS connection"
        name = protocol.logPrefix() if ILoggingContext.providedBy(protocol) else type(protocol).__name__
        self._log_prefix = f"{name},{self.peer[0]}"
        return self._log_prefix

    # The reactor's events

    def doRead(self) -> None:
        state = self._state
        if state is OPEN:
            if self._read_closed or (self._paused and not self.disconnecting):
                # Only now: most pauses are over before anything comes.
                self._read_off()
            else:
                self._read()
        elif state is HANDSHAKE:
            self._handshake()
        elif state is LINGER:
            self._await_end()
        else:
            self._read_off()

    def doWrite(self) -> None:
        if self._state is OPEN:
            self._blocked = False
            if self._read_blocked:
                self._read_blocked = False
                self._more = True
                self.turn()
            else:
                self._flush()
            if self._state is OPEN and not self._blocked and not self._read_blocked:
                self._write_off()
        elif self._state is HANDSHAKE:
            self._handshake()
        elif self._state is ALERT:
            self._say_closed()
        else:
            self._write_off()

    def turn(self) -> None:
        if self._state is LINGER:
            self._await_end()
            # Its end may be far: from now on the reactor tells.
            if self._state is LINGER:
                self._read_on()
        elif self._state is not OPEN:
            return
        elif self._failed:
            self._fail()
        elif self._more and (self.disconnecting or not self._paused) and not self._read_closed:
            self._more = False
            self._read()
        else:
            self._flush()

    def readConnectionLost(self, reason: Failure) -> None:
        """The reactor's word for an end that nothing can be read before: it came without a closing alert."""
        self.connectionLost(Failure(ConnectionLost()) if self._state is OPEN and reason.check(ConnectionDone) else reason)

    def writeConnectionLost(self, reason: Failure) -> None:
        self.connectionLost(reason)

    # Handshake

    def _handshake(self) -> None:
        engine = self._engine
        assert engine is not None
        outcome = engine.handshake()
        if outcome is DONE:
            self._house.handshakes.stop(self)
            self._deadline = None
            if self._writing:
                self._write_off()
            self._begin()
        elif outcome is WANTS_READ:
            if self._writing:
                self._write_off()
        elif outcome is WANTS_WRITE:
            self._write_on()
        else:
            # OpenSSL has sent the alert.
            self._leave(connectionDone)

    def _begin(self) -> None:
        self._state = OPEN
        self.protocol = protocol = self._house.factory.buildProtocol(address_of(self.peer))
        if protocol is None:
            self.disconnecting = self._ending = True
            self._flush()
            return
        self._corked = True
        try:
            protocol.makeConnection(self)
            if IHandshakeListener.providedBy(protocol) and self._state is OPEN:
                protocol.handshakeCompleted()
        finally:
            self._corked = False
        if self._state is OPEN and not self._paused:
            # The first data may have come with the end of the handshake, and the poller would not know.
            self._read()
        else:
            self._more = True
            self._flush()

    # Data

    def _read(self) -> None:
        assert self._engine is not None
        data, outcome = self._engine.read_record()
        if 0 < len(data) < RECORD_BYTES:
            # Mostly a whole request, whose answer may end the connection: whether more has come is asked after that.
            if not self._answered(data):
                return
            data, outcome = self._engine.read()
        elif data:
            rest, outcome = self._engine.read()
            data += rest
        self._received(data)
        if self._state is not OPEN:
            return
        if outcome is DONE:
            self._more = True
            self._house.turns.add(self)
        elif outcome is WANTS_WRITE:
            self._read_blocked = True
            self._write_on()
        elif outcome is CLOSED:
            self._peer_closed()
        elif outcome is FAILED:
            self._fail()
        self._send_answer()

    def _send_answer(self) -> None:
        if self._outbox.size or self.disconnecting or self._write_closing or self.producer is not None:
            self._flush()

    def _answered(self, data: bytes) -> bool:
        """Whether there is more to be read, when what the application has to say to this is sent."""
        self._received(data)
        self._send_answer()
        self._more = self._paused and not self.disconnecting
        return self._state is OPEN and not self._more

    def _received(self, data: bytes) -> None:
        # What comes after loseConnection is dropped, and read all the same: the peer's end ends also what a producer would still bring.
        if data and not self.disconnecting:
            self._corked = True
            try:
                self.protocol.dataReceived(data)
            finally:
                self._corked = False

    def _peer_closed(self) -> None:
        self._read_closed = True
        self._read_off()
        if self.disconnecting:
            self._ending = True
        elif IHalfCloseableProtocol.providedBy(self.protocol):
            self._corked = True
            try:
                self.protocol.readConnectionLost()
            finally:
                self._corked = False
        else:
            self.disconnecting = self._ending = True

    # The end

    def _all_sent(self) -> None:
        if self.disconnecting:
            self._say_closed()
        elif self._write_closing:
            self._half_close()

    def _half_close(self) -> None:
        self._write_closed = True
        assert self._engine is not None
        if self._engine.shutdown() is WANTS_WRITE:
            self._wait_to_write()
            return
        self._write_closing = False
        self._shut()
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self._corked = True
            try:
                self.protocol.writeConnectionLost()
            finally:
                self._corked = False
            self._flush()

    def _say_closed(self) -> None:
        assert self._engine is not None
        if (self._write_closing or not self._write_closed) and self._engine.shutdown() is WANTS_WRITE:
            self._state = ALERT
            self._due(self._house.stalls)
            self._write_on()
            return
        self._leave(connectionDone)

    def _fail(self) -> None:
        """After a fatal error: an end without closing alert, or a socket that is gone, is a lost connection, as it is with TCP."""
        error = self._engine.error if self._engine is not None else None
        if error is None or isinstance(error, SSL.SysCallError):
            self.connectionLost(Failure(ConnectionLost()))
        else:
            self._leave(Failure(error))

    def _leave(self, reason: Failure) -> None:
        """Sends nothing more and waits for the peer's end, without the protocol."""
        if self._writing:
            self._write_off()
        if self._read_closed or not self._shut():
            self.connectionLost(reason)
            return
        # Who fails in the handshake has no more time to go than who does not.
        if self._state is not HANDSHAKE:
            self._due(self._house.stalls)
        self._state = LINGER
        if self._outbox.size:
            self._outbox.clear()
        self._read_off()
        self._house.ends.add(self)
        self._tell(reason)

    def _await_end(self) -> None:
        """Drops what still comes, until the peer's closing alert or the end of what it sends."""
        assert self._engine is not None
        if self._engine.error is not None:
            if self._read_nothing():
                self.connectionLost(connectionDone)
        elif self._engine.drop() in (CLOSED, FAILED):
            self.connectionLost(connectionDone)

    def cut(self) -> None:
        """Ends it at once. One whose end is sent is closed, not reset: its client may still be reading."""
        if self._state is LINGER:
            self.connectionLost(connectionDone)
        else:
            self.abortConnection()

    def abortConnection(self) -> None:
        """Ends it at once: what waits is dropped, the peer is told by a reset."""
        if self._state in (ABORTED, LOST):
            return
        self._state = ABORTED
        self.disconnecting = True
        self._outbox.clear()
        self._read_off()
        self._write_off()
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass
        self.reactor.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        """The end, whoever saw it: the reactor, an application that raised, or this connection itself."""
        if self._state is LOST:
            return
        self._state = LOST
        self._close()
        if self._deadline is not None:
            self._deadline.stop(self)
            self._deadline = None
        self._engine = None
        if self._outbox.size:
            self._outbox.clear()
        self._house.forget(self)
        if not self.disconnected:
            self._tell(reason)

    def _tell(self, reason: Failure) -> None:
        self.connected = 0
        self.disconnected = 1
        producer, self.producer = self.producer, None
        protocol, self.protocol = self.protocol, None
        if producer is not None:
            producer.stopProducing()
        if protocol is not None:
            protocol.connectionLost(reason)
