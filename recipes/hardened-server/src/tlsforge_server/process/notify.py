"""What a service manager is told (sd_notify): datagrams of NAME=value lines to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import os
import socket
import time

from twisted.logger import Logger

log = Logger(namespace="tlsforge")


class Notifier:
    """Tells nobody when there is no such socket. A manager that cannot be told is no reason not to serve: it is logged."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    def ready(self, status: str, pid: int | None = None) -> None:
        """This process serves, or by now the process ``pid`` instead of it."""
        self._send("READY=1", f"STATUS={status}", *([] if pid is None else [f"MAINPID={pid}"]))

    def reloading(self) -> None:
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        name = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.setblocking(False)
                manager.sendto("\n".join(lines).encode(), name)
        except OSError as error:
            log.warn("the service manager at {address} cannot be told: {error}", address=self._address, error=error)


def from_environment() -> Notifier:
    return Notifier(os.environ.get("NOTIFY_SOCKET"))
