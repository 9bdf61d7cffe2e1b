"""Listening sockets that a service manager has opened for us (LISTEN_FDS)."""

from __future__ import annotations

import os
import socket
from typing import MutableMapping

from twisted.logger import Logger

from .listen import name_of

log = Logger(namespace="tlsforge")

FIRST = 3
NAMES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def announced(environment: MutableMapping[str, str]) -> int:
    """How many descriptors were passed to this process; the variables are gone then. Twisted's endpoints take them away as well, when they
    are loaded."""
    meant_for, count = environment.get("LISTEN_PID", ""), environment.get("LISTEN_FDS", "")
    for name in NAMES:
        environment.pop(name, None)
    return int(count) if meant_for == str(os.getpid()) and count.isdigit() else 0


def take(count: int) -> dict[str, socket.socket]:
    """The listening TCP sockets among so many descriptors, by their address. Others are told and closed."""
    taken: dict[str, socket.socket] = {}
    for descriptor in range(FIRST, FIRST + count):
        try:
            each = socket.socket(fileno=descriptor)
        except OSError as error:
            log.warn("descriptor {descriptor} of the service manager cannot be used: {error}", descriptor=descriptor, error=error.strerror)
            continue
        if each.family not in (socket.AF_INET, socket.AF_INET6) or not each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            log.warn("descriptor {descriptor} of the service manager is not a listening TCP socket and is closed", descriptor=descriptor)
            each.close()
            continue
        each.set_inheritable(False)
        taken[name_of(each)] = each
    return taken
