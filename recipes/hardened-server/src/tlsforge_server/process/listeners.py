"""The sockets that this process holds and the services that take connections from them. Holding and accepting are two things: a process that
stands by holds without accepting, and while a role changes hands two processes accept from the same sockets."""

from __future__ import annotations

import socket
from typing import Literal, Mapping, MutableMapping, Sequence

from . import listen
from ..config.model import Address
from ..endpoint.service import Accepting, Service

Kind = Literal["listen", "redirect"]
Wanted = Sequence[tuple[Kind, Address]]
Place = tuple[Kind, Address]


class Listeners:
    """``services`` gives what takes the connections of each kind of address."""

    def __init__(self, services: Mapping[Kind, Service]) -> None:
        self._services = services
        self._sockets: dict[Place, socket.socket] = {}
        self._ports: list[Accepting] = []

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

    def accept(self) -> None:
        """Serves connections from here on. Raises ServerError when a socket cannot listen."""
        listen.listen_all(self._sockets.values())
        for (kind, _address), each in self._sockets.items():
            self._ports.append(self._services[kind].accept(each))

    def pause(self) -> None:
        """Accepts no more, at once; what comes waits with the socket for whoever else accepts from it."""
        for port in self._ports:
            port.stopListening()
        self._ports.clear()

    def close(self) -> None:
        self.pause()
        self.release(list(self._sockets))

    def sockets(self, kind: Kind) -> list[socket.socket]:
        return [each for (of_kind, _address), each in self._sockets.items() if of_kind == kind]

    def names(self, kind: Kind) -> list[str]:
        return [listen.name_of(each) for each in self.sockets(kind)]
