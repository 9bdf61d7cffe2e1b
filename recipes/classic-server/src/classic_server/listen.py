"""Sockets for addresses: made here, so that what the kernel answers is told as it is, and handed to the reactor."""

import errno
import os
import socket

from .config import Address
from .errors import ServerError

BACKLOG = 1024


class Listeners(object):
    """The sockets of this process and the ports that accept from them."""

    def __init__(self, reactor):
        self._reactor = reactor
        self._sockets = {}
        self._ports = []

    def bind(self, kind, addresses):
        """Holds every address. Raises ServerError at the first that cannot be had."""
        held = self._sockets.setdefault(kind, [])
        for address in addresses:
            held.append(_bound(address))

    def accept(self, kind, factory):
        """Serves connections from here on."""
        for each in self._sockets[kind]:
            try:
                each.listen(BACKLOG)
            except socket.error as error:
                raise _refusal(_address_of(each), error)
            # The reactor has a descriptor of its own for it.
            self._ports.append(self._reactor.adoptStreamPort(each.fileno(), each.family, factory))

    def close(self):
        for port in self._ports:
            port.stopListening()
        for each in sum(self._sockets.values(), []):
            each.close()
        self._ports = []
        self._sockets = {}

    def addresses(self, kind):
        """The addresses that the sockets really have."""
        return [_address_of(each) for each in self._sockets.get(kind, [])]


def _bound(address):
    bound = socket.socket(socket.AF_INET6 if address.is_v6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.is_v6:
            # `::` takes IPv4 clients too, whatever the machine's default is.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address.host == "::" else 1)
        bound.bind((address.host, address.port))
    except socket.error as error:
        bound.close()
        raise _refusal(address, error)
    return bound


def _address_of(each):
    return Address(*each.getsockname()[:2])


def _refusal(address, error):
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    facts = {"errno": name, "listen": str(address), "port": address.port}
    if error.errno == errno.EADDRINUSE:
        return ServerError("port-in-use", "%s is taken by another program" % str(address), "stop it, or listen on another port", **facts)
    hint = None
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "ports below the system's limit need a privilege: the sysctl net.ipv4.ip_unprivileged_port_start, or CAP_NET_BIND_SERVICE"
    elif error.errno == errno.EADDRNOTAVAIL:
        hint = "this machine has no such address"
    return ServerError("bind-refused", "listening on %s failed: %s (%s)" % (str(address), os.strerror(error.errno), name), hint, **facts)
