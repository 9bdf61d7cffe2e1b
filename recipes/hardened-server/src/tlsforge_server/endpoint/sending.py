"""The sending side of a connection: what the application writes, and the producers that it registers."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from .clockwork import Deadlines
from .descriptor import Descriptor
from .engine import DONE, WANTS_WRITE, Engine
from .house import HANDSHAKE, OPEN, House
from .outbox import Outbox

#: A producer that is always ready gives the others their turn after so many writes.
_ROUNDS = 8


class Sender(Descriptor):
    """``disconnecting`` and the three of producers are Twisted's names, which applications read."""

    streamingProducer = False
    producerPaused = False

    def __init__(self, house: House, number: int, peer: tuple[Any, ...]) -> None:
        super().__init__(house.reactor, number, peer)
        self.disconnecting = False
        self.producer: Any = None
        self._house = house
        self._engine: Engine | None = Engine(house.context, number)
        self._outbox = Outbox()
        self._state = HANDSHAKE
        #: Writes wait for the end of what runs now, or for the socket.
        self._corked = False
        self._blocked = False
        #: Nothing is expected of the application any more, a producer's data neither.
        self._ending = False
        self._failed = False
        self._write_closing = False
        #: Since the producer was last asked.
        self._brought = False
        #: The one that it is under: while the handshake is not done, while the socket does not take what is to be sent, and after our end.
        self._deadline: Deadlines[Any] | None = None

    def turn(self) -> None:
        """What is to be done outside of the application's calls."""
        raise NotImplementedError

    def connectionLost(self, reason: Failure) -> None:
        raise NotImplementedError

    def _all_sent(self) -> None:
        """Nothing waits and no producer is registered: what was to be ended after that is ended here."""
        raise NotImplementedError

    def _due(self, deadline: Deadlines[Any] | None) -> None:
        """From now, instead of the one before."""
        if self._deadline is not None:
            self._deadline.stop(self)
        self._deadline = deadline
        if deadline is not None:
            deadline.start(self)

    def _flush(self) -> None:
        """Sends what waits, then has the producer bring more. Never while the application runs."""
        if self._outbox.size and self.producer is None and (self.disconnecting or self._write_closing):
            self._cork()
        for _ in range(_ROUNDS):
            if self._state is not OPEN or self._failed or self._blocked or not self._send():
                return
            producer = self.producer
            # One that is itself a lost connection brings nothing more, and nobody unregisters it.
            if producer is None or self._ending or (self.disconnecting and getattr(producer, "disconnected", False)):
                self._all_sent()
                return
            if self.streamingProducer and not self.producerPaused:
                return
            self.producerPaused = False
            self._corked = True
            self._brought = False
            try:
                producer.resumeProducing()
            finally:
                self._corked = False
            if not self._brought and self.producer is producer:
                return
        self._house.turns.add(self)

    def _wait_to_write(self) -> None:
        self._blocked = True
        self._write_on()
        if self._deadline is None:
            self._due(self._house.stalls)

    def _send(self) -> bool:
        """Whether all is sent. What goes wrong is told in a turn of its own, since the application may be running."""
        outbox, engine = self._outbox, self._engine
        assert engine is not None
        while outbox.size:
            count, outcome = engine.write(outbox.piece())
            if outcome is DONE:
                outbox.taken(count)
                if self._deadline is not None:
                    self._due(self._house.stalls)
                continue
            if outcome is WANTS_WRITE:
                self._wait_to_write()
            else:
                # To want to read would be a renegotiation, which there is not.
                outbox.clear()
                self._failed = True
                self._house.turns.add(self)
            return False
        if self._deadline is not None:
            self._due(None)
        return True
