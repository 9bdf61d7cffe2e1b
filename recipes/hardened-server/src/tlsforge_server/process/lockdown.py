"""What the process gives up once it listens. Each measure reports whether it is in force, and why not: it is never assumed."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from OpenSSL import SSL

PR_SET_KEEPCAPS = 8
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_SET_MDWE = 65
PR_GET_MDWE = 66
PR_MDWE_REFUSE_EXEC_GAIN = 1
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_NET_BIND_SERVICE = 10
#: More callbacks than fit on pages that an allocator may already hold.
_CALLBACKS = 4096


def lock_down(callbacks_work: bool | None) -> dict[str, str]:
    """Call after binding. ``callbacks_work`` is what ``callbacks_survive_wx`` said at start, before any thread."""
    if not sys.platform.startswith("linux"):
        return dict.fromkeys(("noNewPrivileges", "capabilitiesDropped", "memoryDenyWriteExecute"), "not in force: not Linux")
    return {
        "noNewPrivileges": _no_new_privileges(),
        "capabilitiesDropped": _drop_capabilities(),
        "memoryDenyWriteExecute": _deny_write_execute(callbacks_work),
    }


def callbacks_survive_wx() -> bool | None:
    """Whether C callbacks into Python can still be made when no memory may become executable: tried in a child, which is lost.

    None when the kernel cannot deny it (before 6.3), so that the question does not arise.
    """
    if not sys.platform.startswith("linux") or _prctl(PR_GET_MDWE) < 0:
        return None
    child = os.fork()
    if child == 0:
        os._exit(_try_callbacks())
    _pid, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _try_callbacks() -> int:
    try:
        if _prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN) != 0 and _prctl(PR_GET_MDWE) != PR_MDWE_REFUSE_EXEC_GAIN:
            return 2
        ffi = getattr(SSL, "_ffi")
        kept = [ffi.callback("int (*)(int, void *)", lambda _a, _b: 0) for _ in range(_CALLBACKS)]
        return 0 if len(kept) == _CALLBACKS else 1
    except BaseException:  # noqa: BLE001 - a child that only answers yes or no
        return 1


def _no_new_privileges() -> str:
    if _prctl(PR_GET_NO_NEW_PRIVS) != 1 and _prctl(PR_SET_NO_NEW_PRIVS, 1) != 0:
        return f"not in force: {os.strerror(ctypes.get_errno())}"
    return "in force" if _prctl(PR_GET_NO_NEW_PRIVS) == 1 else "not in force: the kernel does not keep it"


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _drop_capabilities() -> str:
    """Keeps no capability; for root the one that lets it read keys and remove its files whoever owns them. Threads made later inherit it."""
    try:
        kept = _keep_only(1 << CAP_DAC_OVERRIDE if os.geteuid() == 0 else 0)
    except OSError as error:
        return f"not in force: {error.strerror}"
    return "in force" if kept == 0 else "in force, but for CAP_DAC_OVERRIDE"


def keep_through_setuid() -> None:
    """A change from root to another user keeps what is permitted, until the next exec. Raises OSError."""
    if _prctl(PR_SET_KEEPCAPS, 1) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def keep_only_binding() -> None:
    """Of what was kept, only the right to bind low ports, and it in force. Raises OSError."""
    _keep_only(1 << CAP_NET_BIND_SERVICE)


def _keep_only(wanted: int) -> int:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    header = _Header(CAPABILITY_VERSION_3, 0)
    sets = (_Data * 2)()
    if libc.capget(ctypes.byref(header), sets) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    kept = wanted & int(sets[0].permitted)
    # Not asked for when there is nothing to give up: a service's system call filter may not have it.
    if [value for each in sets for value in (each.effective, each.permitted, each.inheritable)] == [kept, kept, 0, 0, 0, 0]:
        return kept
    if libc.capset(ctypes.byref(header), (_Data * 2)(_Data(kept, kept, 0), _Data(0, 0, 0))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return kept


def _deny_write_execute(callbacks_work: bool | None) -> str:
    state = _prctl(PR_GET_MDWE)
    if state > 0:
        return "in force"
    if state < 0 or callbacks_work is None:
        return "not in force: this kernel does not have it (Linux 6.3)"
    if not callbacks_work:
        return "not in force: this cffi makes callbacks in memory that is writable and executable"
    if _prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN) != 0:
        return f"not in force: {os.strerror(ctypes.get_errno())}"
    return "in force" if _prctl(PR_GET_MDWE) == PR_MDWE_REFUSE_EXEC_GAIN else "not in force: the kernel does not keep it"


def _prctl(option: int, argument: int = 0) -> int:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = (ctypes.c_int, *([ctypes.c_ulong] * 4))
    return int(libc.prctl(option, argument, 0, 0, 0))
