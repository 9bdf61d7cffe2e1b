"""Landlock: a process takes the file system, TCP ports and signals from itself (Documentation/userspace-api/landlock.rst of Linux)."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from pathlib import Path

from .confinement import Confinement
from .linux import NotInForce, syscall

#: The same number on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
#: How many rights on files there are, from which version of the interface on.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
_BIND_TCP, _CONNECT_TCP = 1, 2
#: Abstract Unix sockets and signals of processes outside.
_SCOPES = 3
#: The last version that this module knows; what a later one adds stays allowed.
_NEWEST = 7


def confine(confinement: Confinement) -> str:
    """Leaves this thread, and what it forks or starts, what ``confinement`` names. Needs no_new_privs. Says the version of the interface.
    Raises NotInForce and OSError."""
    abi = version()
    handled = (1 << max(count for since, count in _FILE_RIGHTS.items() if since <= abi)) - 1
    ruleset = _create(abi, handled)
    try:
        for path in confinement.read:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in confinement.write:
            _allow(ruleset, path, handled & (_READ_FILE | _WRITE_FILE | _TRUNCATE))
        if abi >= 4:
            for port in confinement.connect or ():
                _add(ruleset, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, port))
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    _prove()
    return f"ABI {abi}" + (", TCP ports not" if abi < 4 else "")


def version() -> int:
    """The version of the interface. Raises NotInForce when the kernel has none."""
    try:
        return min(syscall(_CREATE_RULESET, 0, 0, _VERSION), _NEWEST)
    except OSError as error:
        why = {errno.ENOSYS: "this kernel does not have it (Linux 5.13)", errno.EOPNOTSUPP: "this kernel was started without it (lsm=)"}
        raise NotInForce(why.get(error.errno or 0, error.strerror or "refused")) from error


def _create(abi: int, handled: int) -> int:
    fields = [handled, *([_BIND_TCP | _CONNECT_TCP] if abi >= 4 else []), *([_SCOPES] if abi >= 6 else [])]
    attributes = ctypes.create_string_buffer(struct.pack(f"={len(fields)}Q", *fields), 8 * len(fields))
    return syscall(_CREATE_RULESET, ctypes.addressof(attributes), 8 * len(fields), 0)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """What is not there, or cannot be reached, needs no right."""
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(found).st_mode):
            rights &= ~_READ_DIR
        _add(ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, found))
    finally:
        os.close(found)


def _add(ruleset: int, kind: int, rule: bytes) -> None:
    attributes = ctypes.create_string_buffer(rule, len(rule))
    syscall(_ADD_RULE, ruleset, kind, ctypes.addressof(attributes), 0)


def _prove() -> None:
    """Nobody is given the root folder, and anybody may read it."""
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except PermissionError:
        return
    raise NotInForce("the folder / can still be read")
