"""The sockets that this server holds, and whether its workers accept from them. Holding and accepting are two things: a server that stands
by holds without accepting, and while a role changes hands two accept from the same sockets."""

from __future__ import annotations

import socket
from typing import Any, Callable, MutableMapping, Sequence

from twisted.internet.defer import Deferred

from . import listen
from ..config.model import Address
from .serving import Kind

Place = tuple[Kind, Address]
Wanted = Sequence[Place]


class Listeners:
    """``changed`` is called when what is accepted from has changed, and its result fires when the workers have followed."""

    def __init__(self, changed: Callable[[], Deferred[Any]]) -> None:
        self._changed = changed
        self._sockets: dict[Place, socket.socket] = {}
        self.accepting = False

    def complete(self, wanted: Wanted, held: MutableMapping[str, socket.socket]) -> list[Place]:
        """Holds every wanted address: what it has, else one of ``held``, which is then gone from there, else bound. All or, with
        a ServerError, no more than before. Returns what is new."""
        listen.refuse_overlap([address for kind, address in wanted if (kind, address) not in self._sockets], held.values())
        gained: list[Place] = []
        try:
            for place in wanted:
                if place not in self._sockets:
                    name = str(place[1])
                    self._sockets[place] = held.pop(name) if name in held else listen.bind(place[1])
                    gained.append(place)
                    # Whoever made it: a blocking one would hold up everybody when two processes accept from it.
                    self._sockets[place].setblocking(False)
        except BaseException:
            self.release(gained)
            raise
        return gained

    def release(self, places: Sequence[Place]) -> None:
        """Holds these no longer."""
        for place in places:
            self._sockets.pop(place).close()

    def accept(self) -> Deferred[Any]:
        """Connections are served from here on, and when the result fires by all workers. Raises ServerError when a socket cannot listen."""
        listen.listen_all(self._sockets.values())
        self.accepting = True
        return self._changed()

    def pause(self) -> Deferred[Any]:
        """When the result fires none is accepted any more; what comes waits with the socket for whoever else accepts from it."""
        self.accepting = False
        return self._changed()

    def close(self) -> Deferred[Any]:
        """Holds nothing, and no worker does when the result fires."""
        paused = self.pause()
        self.release(list(self._sockets))
        return paused

    def accepted(self) -> list[tuple[Kind, socket.socket]]:
        """What is accepted from, with its kind."""
        return [(kind, each) for (kind, _address), each in self._sockets.items()] if self.accepting else []

    def sockets(self, kind: Kind) -> list[socket.socket]:
        return [each for (of_kind, _address), each in self._sockets.items() if of_kind == kind]

    def names(self, kind: Kind) -> list[str]:
        return [listen.name_of(each) for each in self.sockets(kind)]
