"""The control socket: a Unix socket of mode 0600; one JSON request per line, one JSON answer per line. Workers, of whichever generation, and
what they have started are turned away: one that a client has taken over could stop the server or give it another certificate.

    {"command": "status"}                      ->  {"ok": true, "status": {…}}
    {"command": "reload"[, "bundle": {…}]}     ->  {"ok": true, "status": {…}}
    {"command": "spawn", "program", "bundle"}  ->  {"ok": true} when the trial it started is ready
    {"command": "take-over"}                   ->  {"ok": true, "status": {…}}
    {"command": "stop"}                        ->  {"ok": true}, then the socket goes when the server has stopped

Between processes, on one connection:

    {"command": "sockets"}                     ->  {"ok": true, "listen": […], "redirect": […]} with a descriptor for each
    {"command": "stand-by", "pid": N}          ->  {"ok": true}, and when the connection ends it is looked at who serves
    {"command": "give-way"}                    ->  {"ok": true}, names of this process gone; then as ``stop``

Any of them  ->  {"ok": false, "error": {"code", "message", …}}
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Protocol as Interface

from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure

from ..errors import ServerError
from ..config.sources import BUNDLE_LIMIT
from ..lockdown import mark

log = Logger(namespace="tlsforge")

_TELL_AGAIN_SECONDS = 60.0

#: Keys that each command must have, and may have.
COMMANDS: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "status": ({}, {}),
    "reload": ({}, {"bundle": dict}),
    "spawn": ({"program": str, "bundle": dict}, {}),
    "take-over": ({}, {}),
    "stop": ({}, {}),
    "sockets": ({}, {}),
    "stand-by": ({"pid": int}, {}),
    "give-way": ({}, {}),
}


class Controlled(Interface):
    """What the control socket can ask of a server."""

    def status(self) -> Deferred[dict[str, object]]: ...

    def reload(self, bundle: object = None) -> Deferred[None]: ...

    def spawn(self, program: str, bundle: object) -> Deferred[None]: ...

    def take_over(self) -> Deferred[None]: ...

    def stop(self) -> None: ...

    def held(self) -> tuple[dict[str, object], list[int]]:
        """Names of the sockets held, and their descriptors in the same order."""

    def stand_by(self, pid: int, asker_waits: Any) -> Deferred[None]: ...

    def relieved(self, pid: int) -> None: ...

    def give_way(self) -> None: ...


class _Control(LineOnlyReceiver, TimeoutMixin):
    delimiter = b"\n"
    MAX_LENGTH = BUNDLE_LIMIT

    def __init__(self, server: Controlled, tell_of_a_worker: Callable[[int], None]) -> None:
        self._server = server
        self._tell_of_a_worker = tell_of_a_worker
        self._open = True
        self._stop = False
        self._relieved_by: int | None = None

    def connectionMade(self) -> None:
        transport: Any = self.transport
        pid = mark.peer(transport.socket)
        if pid is not None and mark.bears(pid):
            self._tell_of_a_worker(pid)
            transport.abortConnection()
            return
        self.setTimeout(30)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        self.setTimeout(None)
        if self._stop:
            self._server.stop()
        elif self._relieved_by is not None:
            self._server.relieved(self._relieved_by)

    def lineReceived(self, line: bytes) -> None:
        request = _parsed(line)
        if request is None:
            self._answer({"ok": False, "error": {"code": "usage", "message": f"expected a JSON object with a command ({', '.join(COMMANDS)}) and its keys"}})
            return
        self.setTimeout(None)
        maybeDeferred(self._do, **request).addCallbacks(self._answer, self._failed)

    def _do(self, command: str, program: str = "", bundle: object = None, pid: int = 0) -> Any:
        if command == "status":
            return self._status()
        if command == "reload":
            return self._server.reload(bundle).addCallback(self._status)
        if command == "take-over":
            return self._server.take_over().addCallback(self._status)
        if command == "spawn":
            return self._server.spawn(program, bundle).addCallback(lambda _none: {"ok": True})
        if command == "stand-by":
            return self._server.stand_by(pid, lambda: self._open).addCallback(self._stands_by, pid)
        if command == "sockets":
            return self._sockets()
        if command == "give-way":
            self._server.give_way()
        # The answer first: the server stops when it has been sent and the connection is closed.
        self._stop = True
        return {"ok": True}

    def _status(self, _result: None = None) -> Deferred[dict[str, object]]:
        return self._server.status().addCallback(lambda status: {"ok": True, "status": status})

    def _sockets(self) -> dict[str, object]:
        names, descriptors = self._server.held()
        transport: Any = self.transport
        for each in descriptors:
            transport.sendFileDescriptor(each)
        return {"ok": True, **names}

    def _stands_by(self, _result: None, pid: int) -> dict[str, object]:
        self._relieved_by = pid
        if not self._open:
            self._server.relieved(pid)
        return {"ok": True}

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, ServerError):
            log.failure("a command of the control socket failed", failure)
            error = ServerError("internal", f"{type(error).__name__}: {error}")
        self._answer({"ok": False, "error": error.record()})

    def _answer(self, record: dict[str, object]) -> None:
        transport: Any = self.transport
        if self._open:
            transport.write(json.dumps(record).encode() + b"\n")
            self.setTimeout(30)
            if self._stop:
                transport.loseConnection()


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The request in a line, when it is a command with the keys that it takes."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict) or not isinstance(request.get("command"), str) or request["command"] not in COMMANDS:
        return None
    required, optional = COMMANDS[request["command"]]
    given = {name: value for name, value in request.items() if name != "command"}
    right = required.keys() <= given.keys() <= (required | optional).keys()
    return request if right and all(isinstance(value, (required | optional)[name]) for name, value in given.items()) else None


class ControlFactory(Factory):
    noisy = False

    def __init__(self, server: Controlled) -> None:
        self._server = server
        self._told: float | None = None

    def buildProtocol(self, addr: object) -> _Control:
        protocol = _Control(self._server, self._worker_came)
        protocol.factory = self
        return protocol

    def _worker_came(self, pid: int) -> None:
        """Not each time: whoever is turned away may come again at once."""
        now = time.monotonic()
        if self._told is None or now - self._told >= _TELL_AGAIN_SECONDS:
            self._told = now
            log.error("process {pid} is a worker, or was started by one, and is turned away from the control socket: look at what it does", pid=pid)


class ControlPort(unix.Port):
    """A Unix socket whose names are left alone when it closes: by then they may be another process's."""

    def connectionLost(self, reason: Failure) -> None:
        tcp.Port.connectionLost(self, reason)
