# -*- coding: utf-8 -*-
"""The control socket: a Unix socket of mode 0600; one JSON request per line, one JSON answer per line.

    {"command": "status"}                 ->  {"ok": true, "status": {...}}
    {"command": "reload", "bundle": {…}}  ->  {"ok": true, "status": {...}}
    {"command": "stop"}                   ->  {"ok": true}, then the socket goes when the server has stopped

Any of them  ->  {"ok": false, "error": {"code", "message", ...}}

The commands by which generations of the hardened server hand over are refused: this server has its place for itself.
"""

import json

from twisted.internet import tcp, unix
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.python import log

from .bundle import LIMIT
from .errors import ServerError

COMMANDS = ("status", "reload", "stop")
_HAND_OVER = {
    "spawn": "spawn-refused",
    "take-over": "take-over-refused",
    "sockets": "take-over-refused",
    "stand-by": "take-over-refused",
    "give-way": "take-over-refused",
}


def no_hand_over(code="take-over-refused"):
    """The refusal of whatever needs two servers of a prefix at once."""
    return ServerError(code, "this server does not hand over", "stop it, then launch the other")


class Control(LineOnlyReceiver, TimeoutMixin):
    delimiter = "\n"
    MAX_LENGTH = LIMIT

    _stop = False

    def connectionMade(self):
        self.setTimeout(30)

    def connectionLost(self, reason):
        self.setTimeout(None)
        if self._stop:
            self.factory.server.stop()

    def lineReceived(self, line):
        if self._stop:
            return
        self.resetTimeout()
        try:
            answer = self._do(_parsed(line))
        except ServerError as error:
            answer = {"ok": False, "error": error.record()}
        except Exception as error:
            log.err(None, "a command of the control socket failed")
            answer = {"ok": False, "error": ServerError("internal", "%s: %s" % (type(error).__name__, error)).record()}
        self.transport.write(json.dumps(answer) + "\n")
        if self._stop:
            # The answer first: the server stops when it has been sent and the connection is closed.
            self.transport.loseConnection()

    def _do(self, request):
        if request["command"] == "stop":
            self._stop = True
            return {"ok": True}
        if request["command"] == "reload":
            self.factory.server.reload(request.get("bundle"))
        return {"ok": True, "status": self.factory.server.status()}


def _parsed(line):
    """The request in a line, when it is a command with the keys that it takes."""
    usage = ServerError("usage", "expected a JSON object with a command (%s) and its keys" % ", ".join(COMMANDS))
    try:
        request = json.loads(line)
    except ValueError:
        raise usage
    if not isinstance(request, dict) or not isinstance(request.get("command"), basestring):
        raise usage
    if request["command"] in _HAND_OVER:
        raise no_hand_over(_HAND_OVER[request["command"]])
    keys = set(request) - set(("command",))
    if request["command"] not in COMMANDS or keys - set(("bundle",) if request["command"] == "reload" else ()):
        raise usage
    if not isinstance(request.get("bundle", {}), dict):
        raise usage
    return request


class ControlFactory(Factory):
    noisy = False
    protocol = Control

    def __init__(self, server):
        self.server = server


class ControlPort(unix.Port):
    """A Unix socket whose names are left alone when it closes: who has them is the run folder's business."""

    def connectionLost(self, reason):
        tcp.Port.connectionLost(self, reason)
