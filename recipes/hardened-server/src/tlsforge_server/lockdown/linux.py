"""The calls of Linux that Python has none for, and how a measure says that it is not in force."""

from __future__ import annotations

import ctypes
import os
from typing import Any

PR_SET_KEEPCAPS = 8
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_SET_MDWE = 65
PR_GET_MDWE = 66

_libc: Any = ctypes.CDLL(None, use_errno=True)


class NotInForce(Exception):
    """Why a measure is not in force."""


def prctl(option: int, argument: int = 0, other: int = 0) -> int:
    """prctl(2). Raises OSError."""
    return _checked(_libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, (argument, other, 0, 0))))


def syscall(number: int, *arguments: int) -> int:
    """syscall(2), of numbers and addresses. Raises OSError."""
    return _checked(_libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)))


def capabilities(name: str, header: bytes, sets: Any) -> None:
    """``capget`` or ``capset``, whose numbers differ from processor to processor. Raises OSError."""
    _checked(getattr(_libc, name)(header, sets))


def _checked(result: Any) -> int:
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)
