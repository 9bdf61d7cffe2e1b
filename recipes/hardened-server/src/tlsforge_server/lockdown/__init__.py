"""What a process gives up for good. Each measure reports whether it is in force, and why not: it is never assumed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

from . import landlock, memory, privileges, seccomp
from .confinement import Confinement, Free
from .linux import NotInForce

MEASURES = ("noNewPrivileges", "capabilitiesDropped", "memoryDenyWriteExecute", "landlock", "systemCalls")


def lock_down(callbacks_work: bool | None, confine: Confinement | Free) -> dict[str, str]:
    """Call it before there is a thread, with what is needed once opened: of the measures all but PR_SET_MDWE hold for this thread and
    what it starts.

    ``callbacks_work`` is what ``memory.callbacks_survive_wx`` said at start. Gives for each measure ``in force`` (and how, after a comma) or
    ``not in force: `` and why. None makes it fail.
    """
    if not sys.platform.startswith("linux"):
        return dict.fromkeys(MEASURES, "not in force: not Linux")
    others = _other_threads()
    # In this order: the second half of them needs the first, and what has to be read is read before Landlock.
    told = {
        "noNewPrivileges": _told(privileges.refuse_new),
        "capabilitiesDropped": _told(privileges.drop_capabilities),
        "memoryDenyWriteExecute": _told(lambda: memory.deny_write_execute(callbacks_work)),
        "landlock": _told(lambda: _landlock(confine)),
        "systemCalls": _told(lambda: _system_calls(confine)),
    }
    if others is None:
        return told
    return {name: f"not in force: {others}" if state.startswith("in force") else state for name, state in told.items()}


def _landlock(confine: Confinement | Free) -> str:
    if isinstance(confine, Free):
        raise NotInForce(confine.reason)
    return landlock.confine(confine)


def _system_calls(confine: Confinement | Free) -> str:
    # A list at a time: of a process that was forked the first is in force.
    seccomp.install(seccomp.NEVER)
    if isinstance(confine, Free):
        return f"but for execve: {confine.reason}"
    seccomp.install(seccomp.EXECUTE)
    if confine.connect is None:
        seccomp.install(seccomp.SOCKETS)
        return ""
    seccomp.install(seccomp.UNIX if confine.connect else seccomp.INTERNET)
    if not confine.datagrams:
        seccomp.install(seccomp.DATAGRAMS)
    return "but for connect"


def _other_threads() -> str | None:
    """Why what is done now does not hold for the whole process; None when it does."""
    try:
        count = len(list(Path("/proc/self/task").iterdir()))
    except OSError as error:
        return f"whether other threads run cannot be told ({error.strerror})"
    return None if count == 1 else f"{count - 1} other threads keep what they had"


def _told(measure: Callable[[], str]) -> str:
    try:
        how = measure()
    except NotInForce as why:
        return f"not in force: {why}"
    except OSError as error:
        return f"not in force: {error.strerror}"
    return f"in force, {how}" if how else "in force"
