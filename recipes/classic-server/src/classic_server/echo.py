"""WebSocket: what a client sends comes back, on every path."""

from autobahn.resource import WebSocketResource
from autobahn.websocket import WebSocketServerFactory, WebSocketServerProtocol

#: Longest message that is taken; without a limit one client could have the whole memory.
LONGEST = 1 << 20


class Echo(WebSocketServerProtocol):
    def onOpen(self):
        self.factory.open.add(self)

    def onMessage(self, message, binary):
        self.sendMessage(message, binary)

    def connectionLost(self, reason):
        self.factory.open.discard(self)
        WebSocketServerProtocol.connectionLost(self, reason)


class EchoFactory(WebSocketServerFactory):
    protocol = Echo

    def __init__(self, reactor):
        WebSocketServerFactory.__init__(self, "wss://localhost", reactor=reactor)
        self.setProtocolOptions(maxFramePayloadSize=LONGEST, maxMessagePayloadSize=LONGEST)
        self.open = set()

    def close_all(self):
        """Tells every client that the server goes away."""
        for each in list(self.open):
            # Autobahn's public call takes no such code.
            each.sendCloseFrame(1001, "the server is about to end")


def asks_for_websocket(request):
    """Whether it is a request to go on in another protocol, this one."""
    asked = ",".join(request.requestHeaders.getRawHeaders("upgrade", []))
    return "websocket" in [part.strip().lower() for part in asked.split(",")]


def take_over(request, factory):
    """Gives the connection of a request to the echo."""
    # Autobahn compares the port of Host with the one it was told and cannot read IPv6 literals; this server may have several addresses.
    request.requestHeaders.setRawHeaders("host", ["localhost"])
    request.channel.leave()
    return WebSocketResource(factory).render(request)
