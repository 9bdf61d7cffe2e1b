"""A worker: serves what it is handed over its channel and reads no file for it. What comes is what it is to be, not what it is to do; each
message has a number, and its answer says that it is in force, or why not.

    {"serial", "material": {…}, "accessLog"}         the configuration and its files (``sealed``), when they were checked, the keys of
                                                     tickets, the staples; the access log's descriptor when there is one
    {"serial", "duty": {…}}                          what it accepts from, with a descriptor for each, and whether connections are to end
    {"serial", "end": "gently" | "now"}              no more: it drains and ends
    {"serial"}                                       nothing: it is asked how it is

Each  ->  {"serial", "open", "lost", "error", "lockdown"}    ``lost``: lines of the access log, since it could be written last; ``error``
                                                             as on the control socket, or null
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from typing import Any

from twisted.logger import Logger

from ..config.sealed import unseal
from ..endpoint.reactor import process_reactor
from ..errors import ServerError
from ..lockdown import lock_down, mark
from ..lockdown.confinement import NURSERY, of
from ..ocsp import message as staples
from ..tls.context import build
from ..tls.libssl import LibSsl
from ..tls.staple import Staples
from ..tls.tickets import TicketKeys
from .bounds import bound_memory, fitted
from .channel import Channel, Message
from .nursery import Work
from .serving import Serving

log = Logger(namespace="tlsforge")

#: Of ``limits.worker_bytes``, for what a worker holds while it is replaced.
_MEMORY_FACTOR = 2


def begin(libssl: LibSsl, callbacks_work: bool | None) -> Work:
    """For the nursery: gives up what no worker needs and loads what all of them do. Returns the life of a worker process, which has no
    reactor before it begins."""
    mark.put_on()
    lockdown = lock_down(callbacks_work, NURSERY)

    def work(end: socket.socket) -> int:
        loop = process_reactor()
        worker = Worker(loop, end, libssl, callbacks_work, lockdown)
        loop.run(installSignalHandlers=False)
        return worker.code

    return work


class Worker:
    """Ends, as asked or when the other end of the channel closes, by stopping the reactor."""

    def __init__(self, reactor: Any, end: socket.socket, libssl: LibSsl, callbacks_work: bool | None, lockdown: dict[str, str]) -> None:
        self.code = 0
        self._reactor = reactor
        self._libssl = libssl
        self._callbacks_work = callbacks_work
        self._staples = Staples()
        self._lockdown = lockdown
        self._serving: Serving | None = None
        self._built_from: object = None
        self._access_log: int | None = None
        self._ending = False
        self._channel = Channel(reactor, end, self._received, self._end)

    def _received(self, message: Message, descriptors: list[int]) -> None:
        error: dict[str, object] | None = None
        try:
            self._become(message, descriptors)
        except ServerError as refused:
            error = refused.record()
        except Exception as bug:
            log.failure("a worker cannot become what it is to be")
            error = ServerError("internal", f"{type(bug).__name__}: {bug}").record()
        self._channel.send({"serial": message["serial"], "open": self._open, "lost": self._lost, "error": error, "lockdown": self._lockdown})

    @property
    def _open(self) -> int:
        return 0 if self._serving is None else self._serving.open

    @property
    def _lost(self) -> int:
        return 0 if self._serving is None else self._serving.lost

    def _become(self, message: Message, descriptors: list[int]) -> None:
        if "material" in message:
            self._log_to(descriptors)
            self._take_material(message["material"])
        elif "duty" in message:
            sockets = [socket.socket(fileno=each) for each in descriptors]
            try:
                self._take_duty(message["duty"], sockets)
            finally:
                for each in sockets:
                    each.close()
        elif "end" in message:
            self._end(gently=message["end"] == "gently")

    def _take_material(self, material: Message) -> None:
        self._staples.replace(staples.unpacked(material["staples"]))
        built_from = (material["sealed"], material["tickets"])
        if built_from != self._built_from:
            given = unseal(material["sealed"])
            if self._serving is None:
                self._lockdown = lock_down(self._callbacks_work, of(given.config))
            keys = None if material["tickets"] is None else TicketKeys.from_hex(material["tickets"])
            # By the clock of the check: what has expired since then is served until there is another.
            checked = datetime.fromtimestamp(material["checked"], UTC)
            credentials = build(given.config, self._libssl, checked, given.read, tickets=keys, staples=self._staples, check=False)
            if self._serving is None:
                bound_memory(_MEMORY_FACTOR * given.config.limits.worker_bytes)
                self._serving = Serving(self._reactor, given.config, credentials.context, fitted(given.config.limits))
                self._serving.log_to(self._access_log)
            else:
                self._serving.exchange(given.config, credentials.context)
            self._built_from = built_from

    def _log_to(self, descriptors: list[int]) -> None:
        former, self._access_log = self._access_log, descriptors[0] if descriptors else None
        if self._serving is not None:
            self._serving.log_to(self._access_log)
        if former is not None:
            os.close(former)

    def _take_duty(self, duty: Message, sockets: list[socket.socket]) -> None:
        if self._ending:
            return
        assert self._serving is not None
        self._serving.bring_to_end(duty["closing"])
        if duty["redirectPort"] is not None:
            self._serving.redirect_to(duty["redirectPort"])
        self._serving.accept(list(zip(duty["kinds"], sockets, strict=True)))

    def _end(self, *, gently: bool = False) -> None:
        former, self._ending = self._ending, True
        if self._serving is not None:
            self._serving.drain(self._stop, gently=gently)
        elif not former:
            self._stop()

    def _stop(self) -> None:
        self._reactor.callLater(0, self._reactor.stop)
