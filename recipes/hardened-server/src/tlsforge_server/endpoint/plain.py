"""Connections without TLS, on Twisted's own transport: for the redirect to HTTPS."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from .caps import Caps
from ..config.model import Limits
from .service import Accepting


class PlainService:
    """The connections of one protocol factory, within the caps."""

    def __init__(self, factory: Any, limits: Limits, reactor: Any) -> None:
        self._caps = Caps(limits.connections, limits.connections_per_address)
        self._factory = _CapFactory(factory, self._caps)
        self._reactor = reactor

    @property
    def open(self) -> int:
        return self._caps.open

    def accept(self, listening: socket.socket) -> Accepting:
        # The reactor makes a descriptor of its own of it.
        port: Accepting = self._reactor.adoptStreamPort(listening.fileno(), listening.family, self._factory)
        return port

    def abort_unfinished(self) -> None:
        """There are no handshakes."""

    def abort_all(self) -> None:
        for protocol in list(self._factory.protocols):
            transport = protocol.transport
            if transport is not None:
                transport.abortConnection()


class _Counted(ProtocolWrapper):
    """Gives its place back when it is lost."""

    address = ""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.caps.give(self.address)
        super().connectionLost(reason)


class _CapFactory(WrappingFactory[_Counted]):
    """Refuses connections beyond the caps, and knows which are open."""

    protocol = _Counted
    noisy = False

    def __init__(self, wrapped: Any, caps: Caps) -> None:
        super().__init__(wrapped)
        self.caps = caps

    def buildProtocol(self, addr: IAddress | None) -> Any:
        host = str(getattr(addr, "host", ""))
        if not self.caps.take(host):
            return None
        built: object = super().buildProtocol(addr)
        if isinstance(built, _Counted):
            built.address = host
        else:
            self.caps.give(host)
        return built
