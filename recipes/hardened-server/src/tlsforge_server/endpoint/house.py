"""What connections and the service that they belong to know of each other."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Protocol

from OpenSSL import SSL

from .clockwork import Deadlines, Turns


class State(Enum):
    HANDSHAKE = auto()
    OPEN = auto()
    #: Everything is sent but the closing alert.
    ALERT = auto()
    #: The protocol has been told; the peer may still be sending.
    LINGER = auto()
    ABORTED = auto()
    LOST = auto()


# Python looks the members of an enumeration up by a slow way.
HANDSHAKE, OPEN, ALERT, LINGER, ABORTED, LOST = State


class House(Protocol):
    """What a connection needs of the service that it belongs to."""

    reactor: Any
    factory: Any
    #: For the handshake; for the socket to take what is to be sent, and then for the peer's end.
    handshakes: Deadlines[Any]
    stalls: Deadlines[Any]
    turns: Turns
    #: Of those that wait for the peer's end.
    ends: Turns

    @property
    def context(self) -> SSL.Context: ...

    def forget(self, connection: Any) -> None: ...
