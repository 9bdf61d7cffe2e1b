"""A mark that the nursery bears, and with it each worker and whatever one starts: they cannot take it off, so the supervisor knows them.

It is the hard limit for file locks (RLIMIT_LOCKS), which has had no effect since Linux 2.4.25: it goes down to every child and program, and
up only with a capability that nobody here keeps. See getrlimit(2).
"""

from __future__ import annotations

import socket
import struct
import sys

if sys.platform.startswith("linux"):
    import resource

    _LIMIT = 10

    def put_on() -> None:
        """On this process, for good."""
        try:
            resource.prlimit(0, _LIMIT, (0, 0))
        except OSError:
            pass  # ``told`` says that it is not there.

    def bears(pid: int) -> bool:
        """Whether a process does. One that has gone has no use for an answer: it counts as one that does. False where this process does
        itself, and nothing can be told from it; and for another user's process, since a worker cannot become anybody else."""
        try:
            own, other = (resource.prlimit(each, _LIMIT)[1] for each in (0, pid))
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return own != 0 and other == 0

    def peer(connection: socket.socket) -> int | None:
        """Who has connected a Unix socket; None for one of another namespace, where no worker can go."""
        pid, _uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return int(pid) or None

    def told(nursery: int) -> str:
        """Whether the control socket knows workers by it."""
        return "closed to workers" if bears(nursery) else "open to workers: the limit that marks them cannot be set or read, or is set for all"

else:

    def put_on() -> None:
        """Nothing."""

    def bears(_pid: int) -> bool:
        return False

    def peer(_connection: socket.socket) -> int | None:
        return None

    def told(_nursery: int) -> str:
        return "open to workers: not Linux"
