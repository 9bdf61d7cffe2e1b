"""What one process may hold: descriptors, and memory."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from pathlib import Path

from ..config.model import Limits

#: Descriptors for anything but connections.
_OTHERS = 256
#: However few descriptors there are.
_FEWEST_CONNECTIONS = 16


def fitted(limits: Limits) -> Limits:
    """With as many connections as this process may have descriptors, less those for other uses, and never more than wanted; as many as
    wanted are asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _OTHERS
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < ceiling:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
            soft = ceiling
        except OSError:
            pass  # A service's system call filter may refuse it: then fewer connections are taken.
    return replace(limits, connections=min(limits.connections, max(_FEWEST_CONNECTIONS, soft - _OTHERS)))


def bound_memory(size: int) -> None:
    """No more than so many bytes of data, as far as the system lets it be set: one allocation beyond it fails instead of everything."""
    try:
        _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
    except (OSError, ValueError):
        pass


def resident_bytes(pid: int) -> int | None:
    """What a process holds in memory, what it shares with others included; None where that cannot be read."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
