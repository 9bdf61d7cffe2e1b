"""Sockets for addresses: made here, so that what the kernel answers is told as it is, and handed to the reactor."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Iterable, Sequence

from ..config.model import Address
from ..errors import ServerError

BACKLOG = 1024


def bind(address: Address) -> socket.socket:
    """A socket that has the address and does not listen yet. Raises ServerError with what the kernel said."""
    bound = socket.socket(socket.AF_INET6 if address.is_v6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.is_v6:
            # `::` takes IPv4 clients too, whatever the machine's default is.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address.host == "::" else 1)
        bound.bind((address.host, address.port))
    except OSError as error:
        bound.close()
        raise _refusal(address, error) from error
    return bound


def listen_all(sockets: Iterable[socket.socket]) -> None:
    """Connections are taken from here on; nothing changes for sockets that listen already."""
    for each in sockets:
        try:
            each.listen(BACKLOG)
        except OSError as error:
            raise _refusal(address_of(each), error) from error


def refuse_overlap(wanted: Sequence[Address], held: Iterable[socket.socket]) -> None:
    """An address that another process of this prefix has in part, and not as a whole, can neither be handed over nor bound beside it."""
    theirs = [address_of(each) for each in held]
    for address in wanted:
        for other in theirs:
            if address != other and address.port == other.port != 0 and _overlap(address.host, other.host):
                raise ServerError(
                    "take-over-refused",
                    f"{address} overlaps {other}, which the server that runs now holds",
                    "stop the server, then launch it with the new address",
                    listen=str(address),
                )


def address_of(each: socket.socket) -> Address:
    host, port = each.getsockname()[:2]
    return Address(str(host), int(port))


def name_of(each: socket.socket) -> str:
    """The address that a socket really has."""
    return str(address_of(each))


def _overlap(one: str, other: str) -> bool:
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    if first.version == second.version:
        return first.is_unspecified or second.is_unspecified
    return (first if first.version == 6 else second).is_unspecified


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
