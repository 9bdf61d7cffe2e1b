"""Twisted's own tests of stream transports, pointed at our endpoint: as the server that they need, and with the roles of both ends
exchanged, so that what they do to a client is done to our transport."""

from __future__ import annotations

import socket
import sys
from types import ModuleType
from typing import Any

from OpenSSL import SSL
from tlsforge_server.config.model import Limits
from tlsforge_server.endpoint.service import SocketEndpoint, TlsService
from tlsforge_server.endpoint.port import Port
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ClientFactory
from twisted.internet.ssl import ClientContextFactory

if "hamcrest" not in sys.modules:
    # One of their modules imports it for tests that are not used here.
    sys.modules["hamcrest"] = ModuleType("hamcrest")

from twisted.internet.test import connectionmixins, test_tcp, test_tls  # noqa: E402
from twisted.internet.test.reactormixins import ReactorBuilder  # noqa: E402

REACTORS = [
    "tlsforge_server.endpoint.epoll.ServingReactor",
    "twisted.internet.epollreactor.EPollReactor",
    "twisted.internet.pollreactor.PollReactor",
    "twisted.internet.selectreactor.SelectReactor",
    "twisted.internet.test.reactormixins.AsyncioSelectorReactor",
]

#: Without asyncio's, whose own ``stop`` leaves a delayed call behind, which these tests take for the transport's.
OWN = REACTORS[:4]


def make_service(reactor: Any, factory: Any, limits: Limits = Limits()) -> TlsService:
    """With Twisted's test certificate, and nothing left with the reactor when it stops."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    pem = test_tls.ContextGeneratingMixin._pem.path
    name = pem.decode() if isinstance(pem, bytes) else pem
    context.use_certificate_chain_file(name)
    context.use_privatekey_file(name)
    service = SocketEndpoint(context, limits, reactor).protect(factory)
    reactor.addSystemEventTrigger("after", "shutdown", service.close)
    return service


def listen(reactor: Any, factory: Any) -> Port:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return make_service(reactor, factory).accept(listening)


class _ServerEndpoint:
    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listen(self, factory: Any) -> Deferred[Port]:
        return succeed(listen(self._reactor, factory))


class Creator(test_tls.SSLCreator):
    """Twisted's TLS client, our server."""

    def server(self, reactor: Any) -> Any:
        return _ServerEndpoint(reactor)


class ConnectionSuite(ReactorBuilder, connectionmixins.ConnectionTestsMixin):
    _reactors = REACTORS
    timeout = 20
    endpoints = Creator()


class AbortSuite(ReactorBuilder, test_tcp.AbortConnectionMixin):
    _reactors = OWN
    timeout = 20
    endpoints = Creator()


    # These do something before the handshake and expect the server's protocol to see it; ours is made after the handshake.
    test_fullWriteBuffer = None
    test_resumeProducingAbort = None
    test_resumeProducingThrows = None


class ExchangedAbortSuite(ReactorBuilder, test_tcp.AbortConnectionMixin):
    """The protocol that aborts is the server's."""

    _reactors = OWN
    timeout = 20
    endpoints = Creator()
    # The client stops reading before the handshake, so that there is none.
    test_fullWriteBuffer = None

    def runAbortTest(self, clientClass: Any, serverClass: Any, clientConnectionLostReason: Any = None) -> None:
        original = test_tcp.runProtocolsWithReactor
        test_tcp.runProtocolsWithReactor = lambda builder, server, client, endpoints: original(builder, client, server, endpoints)
        try:
            super().runAbortTest(clientClass, serverClass, clientConnectionLostReason)
        finally:
            test_tcp.runProtocolsWithReactor = original


class ExchangedClientSuite(ReactorBuilder, connectionmixins.StreamClientTestsMixin):
    """What a client's protocol does with its transport is done by the server's. What is about connecting is left out."""

    _reactors = OWN
    timeout = 20
    test_interface = None
    test_clientConnectionFailedStopsReactor = None
    # The client closes before the handshake, so that there is none.
    test_unregisterProducerAfterDisconnect = None

    def listen(self, reactor: Any, factory: Any) -> None:
        self._other = factory

    def connect(self, reactor: Any, factory: Any) -> None:
        factory.doStart = factory.doStop = lambda: None
        other = ClientFactory()
        other.buildProtocol = self._other.buildProtocol
        port = listen(reactor, factory)
        reactor.connectSSL("127.0.0.1", port.getHost().port, other, ClientContextFactory())
