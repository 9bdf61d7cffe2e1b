"""What is left to a process that serves."""

from __future__ import annotations

import ipaddress
import mimetypes
import sys
from dataclasses import dataclass
from pathlib import Path

from ..config.model import Config, Factory, Proxy, Static

#: What shared libraries, time zones, random numbers and a look at oneself need. Of other processes /proc shows what it shows to anybody:
#: Landlock keeps the rest, which needs the right to trace them.
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/ld-musl-x86_64.path", "/etc/ld-musl-aarch64.path"),
    *("/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/proc"),
)
_NAME_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf")
_DNS_PORT = 53


@dataclass(frozen=True)
class Confinement:
    """A folder stands for all that is in it; what is not there is left out. Nothing is run, nothing is bound.

    It is compared: a process that is confined for one configuration cannot serve another that needs more.
    """

    read: tuple[Path, ...]
    #: Files, which are opened and not made.
    write: tuple[Path, ...]
    #: TCP ports that connections may be made to; none of them: to Unix sockets, whichever; None for no connection at all.
    connect: tuple[int, ...] | None
    #: Whether datagrams may be sent, to wherever: names are looked up with them.
    datagrams: bool = False
    #: Device and inode of the application's folder: another folder in its place is another confinement.
    folder: tuple[int, int] | None = None


@dataclass(frozen=True)
class Free:
    """A process that runs programs and reaches all files that its user may, and why."""

    reason: str


#: What it starts inherits what it is confined to, for ever.
SUPERVISOR = Free("it starts the next generation")
#: It forks workers for each configuration that comes: they confine themselves when they have theirs.
NURSERY = Free("its workers differ")


def of(config: Config) -> Confinement | Free:
    """What a worker needs that has been handed its sockets, keys and logs. Looks at this process's code, and at links. Raises OSError for
    an application's folder that cannot be looked at."""
    app = config.app
    if not sys.platform.startswith("linux"):
        return Free("not Linux")
    if isinstance(app, Factory):
        return Free("the application is not ours")
    read = {*_code(), *map(Path, (*_SYSTEM, *mimetypes.knownfiles)), config.libssl.parent}
    connect: tuple[int, ...] | None = None
    datagrams, folder = False, None
    if isinstance(app, Static):
        read.add(app.directory)
        found = app.directory.stat()
        folder = (found.st_dev, found.st_ino)
    elif isinstance(app, Proxy):
        connect = (app.upstream.port,) if app.upstream.socket is None else ()
        if connect and not _is_address(app.upstream.host):
            read |= {Path(name).resolve().parent for name in _NAME_FILES} | {Path("/etc")}
            connect, datagrams = tuple(sorted({*connect, _DNS_PORT})), True
    places = {path.resolve() for path in read}
    return Confinement(tuple(sorted(path for path in places if places.isdisjoint(path.parents))), (Path("/dev/null"),), connect, datagrams, folder)


def _code() -> set[Path]:
    """Where this process's code comes from: Python's folders, and those of what is mapped to run."""
    folders = {Path(each) for each in (sys.prefix, sys.base_prefix, *sys.path) if each}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for columns in (line.rstrip("\n").split(maxsplit=5) for line in maps):
            if len(columns) == 6 and columns[1].startswith("r-x") and columns[5].startswith("/"):
                folders.add(Path(columns[5]).parent)
    return folders


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
