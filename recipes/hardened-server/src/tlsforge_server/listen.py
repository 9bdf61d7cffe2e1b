"""Listening sockets: made here, so that what the kernel answers is told as it is, and handed to the reactor."""

from __future__ import annotations

import errno
import socket
from typing import Sequence

from .config import Address
from .errors import ServerError

BACKLOG = 1024


def bind_all(addresses: Sequence[Address]) -> list[socket.socket]:
    """Listening sockets for all addresses, or none: those already open are closed when one fails."""
    opened: list[socket.socket] = []
    try:
        for address in addresses:
            opened.append(_bind(address))
    except ServerError:
        for each in opened:
            each.close()
        raise
    return opened


def name_of(listener: socket.socket) -> str:
    """The address that a listener really has."""
    host, port = listener.getsockname()[:2]
    return str(Address(str(host), int(port)))


def _bind(address: Address) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if address.is_v6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.is_v6:
            # `::` takes IPv4 clients too, whatever the machine's default is.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address.host == "::" else 1)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _refusal(address, error) from error
    return listener


def _refusal(address: Address, error: OSError) -> ServerError:
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    facts: dict[str, object] = {"errno": name, "listen": str(address), "port": address.port}
    if error.errno == errno.EADDRINUSE:
        return ServerError("port-in-use", f"{address} is taken by another program", "stop it, or listen on another port", **facts)
    hint = None
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "ports below the system's limit need a privilege: the sysctl net.ipv4.ip_unprivileged_port_start, or CAP_NET_BIND_SERVICE"
    elif error.errno == errno.EADDRNOTAVAIL:
        hint = "this machine has no such address"
    return ServerError("bind-refused", f"listening on {address} failed: {error.strerror} ({name})", hint, **facts)
