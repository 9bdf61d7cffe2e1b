"""A socket that the reactor does not take is closed, and nothing comes due for its number, which is another's by then."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from OpenSSL import SSL
from tlsforge_server.config.model import Limits
from tlsforge_server.endpoint.service import SocketEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock


class _Full(Clock):
    """A reactor whose poller has no room left."""

    full = False
    readers: list[Any]

    def addReader(self, reader: Any) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.readers = [reader]

    def removeReader(self, reader: Any) -> None:
        self.readers = []


def test_a_connection_that_the_poller_has_no_room_for() -> None:
    reactor = _Full()
    service = SocketEndpoint(SSL.Context(SSL.TLS_SERVER_METHOD), Limits(), reactor).protect(Factory.forProtocol(Protocol))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = service.accept(listening)
        with socket.create_connection(listening.getsockname()) as client:
            reactor.full = True
            reactor.readers[0].doRead()
            client.settimeout(5)
            assert client.recv(1) == b"", "it is closed"
        # Others have the number before the deadline of a handshake.
        held = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
        reactor.advance(60)
        for each in held:
            os.fstat(each)
            os.close(each)
        assert service.open == 0
        port.stopListening()
