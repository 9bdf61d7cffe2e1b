"""Privileges: what a process may not gain any more, and what it gives up. See no_new_privs in the kernel's documentation, capabilities(7)."""

from __future__ import annotations

import ctypes
import os
import struct

from .linux import PR_GET_NO_NEW_PRIVS, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, NotInForce, capabilities, prctl

CAP_DAC_OVERRIDE = 1
CAP_NET_BIND_SERVICE = 10
_VERSION_3 = 0x20080522
#: Effective, permitted, inheritable; those beyond the 32nd after the first ones.
_SETS = struct.Struct("=6I")


def refuse_new() -> str:
    """No program that this one runs has more than it has. Raises NotInForce and OSError."""
    if prctl(PR_GET_NO_NEW_PRIVS) != 1:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    if prctl(PR_GET_NO_NEW_PRIVS) != 1:
        raise NotInForce("the kernel does not keep it")
    return ""


def drop_capabilities() -> str:
    """Keeps no capability; for root the one that lets it read keys and remove its files whoever owns them. Says which is kept. Raises
    OSError."""
    kept = _keep_only(1 << CAP_DAC_OVERRIDE if os.geteuid() == 0 else 0)
    return "but for CAP_DAC_OVERRIDE" if kept else ""


def keep_through_setuid() -> None:
    """A change from root to another user keeps what is permitted, until the next exec. Raises OSError."""
    prctl(PR_SET_KEEPCAPS, 1)


def keep_only_binding() -> None:
    """Of what was kept, only the right to bind low ports, and it in force. Raises OSError."""
    _keep_only(1 << CAP_NET_BIND_SERVICE)


def _keep_only(wanted: int) -> int:
    """What of the wanted ones there was to keep."""
    header = struct.pack("=Ii", _VERSION_3, 0)
    sets = ctypes.create_string_buffer(_SETS.size)
    capabilities("capget", header, sets)
    found = _SETS.unpack(sets.raw)
    kept = wanted & int(found[1])
    left = (kept, kept, 0, 0, 0, 0)
    # Not asked for when there is nothing to give up: a service's system call filter may not have it.
    if found != left:
        capabilities("capset", header, ctypes.create_string_buffer(_SETS.pack(*left), _SETS.size))
    return kept
