"""W^X: no memory is writable and executable, and none that was written to becomes executable."""

from __future__ import annotations

import os
import sys

from OpenSSL import SSL

from . import privileges, seccomp
from .linux import PR_GET_MDWE, PR_SET_MDWE, NotInForce, prctl

_REFUSE_EXEC_GAIN = 1
#: More callbacks than fit on pages that an allocator may already hold.
_CALLBACKS = 4096
_NO, _UNTRIED = 1, 2


def callbacks_survive_wx() -> bool | None:
    """Whether C callbacks into Python can still be made when no memory may become executable: tried in a child, which is lost. Call it
    before there is a thread.

    None when nothing here can deny it, so that the question does not arise.
    """
    if not sys.platform.startswith("linux"):
        return None
    child = os.fork()
    if child == 0:
        os._exit(_try_callbacks())
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == _UNTRIED else code == 0


def _try_callbacks() -> int:
    try:
        privileges.refuse_new()
        _deny()
    except BaseException:  # noqa: BLE001 - a child that only answers yes, no or neither
        return _UNTRIED
    try:
        ffi = getattr(SSL, "_ffi")
        kept = [ffi.callback("int (*)(int, void *)", lambda _a, _b: 0) for _ in range(_CALLBACKS)]
        return 0 if len(kept) == _CALLBACKS else _NO
    except BaseException:  # noqa: BLE001 - as above
        return _NO


def deny_write_execute(callbacks_work: bool | None) -> str:
    """``callbacks_work`` is what ``callbacks_survive_wx`` said. Says by what, when it is not PR_SET_MDWE. Raises NotInForce and OSError."""
    if _denied():
        return ""
    if callbacks_work is None:
        raise NotInForce("neither this kernel (Linux 6.3) nor a filter of system calls can deny it")
    if not callbacks_work:
        raise NotInForce("this cffi makes callbacks in memory that is writable and executable")
    return _deny()


def _deny() -> str:
    if _denied() is None:
        seccomp.install(seccomp.WRITE_EXECUTE)
        return "by seccomp"
    prctl(PR_SET_MDWE, _REFUSE_EXEC_GAIN)
    if not _denied():
        raise NotInForce("the kernel does not keep it")
    return ""


def _denied() -> bool | None:
    """Whether the kernel denies it; None when it cannot (before Linux 6.3)."""
    try:
        return bool(prctl(PR_GET_MDWE) & _REFUSE_EXEC_GAIN)
    except OSError:
        return None
