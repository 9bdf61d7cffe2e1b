"""A process with the endpoint and an application behind it: ``python behind.py CONFIG APPLICATION LIMITS``.

Standard output has JSON lines: first the port, then what happens to the application's connections.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "src")]

LIBSSL = os.environ.get("TLSFORGE_TEST_LIBSSL")
if LIBSSL is None:
    import wheel

    wheel.configure()

from tlsforge_server.endpoint.reactor import process_reactor  # noqa: E402

# Before any application's module takes it.
reactor: Any = process_reactor()

from commanded import Commanded, HalfClosing, tell  # noqa: E402
from echoes import WebSocketEcho, make_web  # noqa: E402
from tlsforge_server.config import parse as config  # noqa: E402
from tlsforge_server.tls import context  # noqa: E402
from tlsforge_server.config.model import Config, Limits  # noqa: E402
from tlsforge_server.endpoint.service import SocketEndpoint  # noqa: E402
from tlsforge_server.tls.libssl import open_mapped  # noqa: E402
from tlsforge_server.web.served import Served, prepare  # noqa: E402
from twisted.internet.protocol import Factory  # noqa: E402
from twisted.protocols.portforward import ProxyFactory  # noqa: E402

def main(path: str, application: str, limits: str) -> None:
    settings = config.parse(Path(path).read_bytes(), path)
    libssl = wheel.WheelLibSsl(Path("/wheel")) if LIBSSL is None else open_mapped(Path(LIBSSL))
    credentials = context.build(settings, libssl, datetime.now(UTC))
    bounds = Limits(**json.loads(limits))
    factory: Any = _served(replace(settings, limits=bounds)) if application == "served" else _application(application)
    factory.noisy = False
    service = SocketEndpoint(credentials.context, bounds, reactor).protect(factory)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        port = service.accept(listening)
    tell(port=port.getHost().port)
    reactor.run()


def _served(settings: Config) -> Served:
    """The configured application, which writes its access log to standard error. SIGUSR1 is a drain."""
    served = Served(prepare(settings), settings.limits, reactor=reactor)
    served.log_to(2 if settings.access_log else None)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: reactor.callFromThread(served.close_idle, unasked=True))
    return served


def _application(name: str) -> Any:
    if name.startswith("proxy:"):
        return ProxyFactory("127.0.0.1", int(name.partition(":")[2]))
    if name == "web":
        return make_web()
    return Factory.forProtocol({"commanded": Commanded, "half-closing": HalfClosing, "websocket": WebSocketEcho}[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
