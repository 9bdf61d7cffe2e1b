"""The control socket: a Unix socket of mode 0600; one JSON request per line, one JSON answer per line.

    {"command": "status"}  ->  {"ok": true, "status": {…}}
    {"command": "reload"}  ->  {"ok": true, "status": {…}} | {"ok": false, "error": {"code", "message", …}}
    {"command": "stop"}    ->  {"ok": true}, then the socket goes when the server has stopped
"""

from __future__ import annotations

import json
from typing import Any, Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure

from .errors import ServerError


class Controlled(Interface):
    """What the control socket can ask of a server."""

    def status(self) -> dict[str, object]: ...

    def reload(self) -> Deferred[None]: ...

    def stop(self) -> None: ...


class _Control(LineOnlyReceiver, TimeoutMixin):
    delimiter = b"\n"
    MAX_LENGTH = 4096

    def __init__(self, server: Controlled) -> None:
        self._server = server
        self._stop = False

    def connectionMade(self) -> None:
        self.setTimeout(30)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.setTimeout(None)
        if self._stop:
            self._server.stop()

    def lineReceived(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        command = request.get("command") if isinstance(request, dict) and set(request) == {"command"} else None
        if command == "status":
            self._answer({"ok": True, "status": self._server.status()})
        elif command == "reload":
            self.setTimeout(None)
            self._server.reload().addCallbacks(self._reloaded, self._failed)
        elif command == "stop":
            # The answer first: the server stops when it has been sent and the connection is closed.
            self._stop = True
            self._answer({"ok": True})
            transport: Any = self.transport
            transport.loseConnection()
        else:
            self._answer({"ok": False, "error": {"code": "usage", "message": 'expected {"command": "status" | "reload" | "stop"}'}})

    def _reloaded(self, _result: None) -> None:
        self._answer({"ok": True, "status": self._server.status()})

    def _failed(self, failure: Failure) -> None:
        error = failure.check(ServerError) and failure.value
        if isinstance(error, ServerError):
            self._answer({"ok": False, "error": error.record()})
        else:
            self._answer({"ok": False, "error": {"code": "reload-refused", "message": failure.getErrorMessage()}})

    def _answer(self, record: dict[str, object]) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.write(json.dumps(record).encode() + b"\n")
        self.setTimeout(30)


class ControlFactory(Factory):
    noisy = False

    def __init__(self, server: Controlled) -> None:
        self._server = server

    def buildProtocol(self, addr: object) -> _Control:
        protocol = _Control(self._server)
        protocol.factory = self
        return protocol
