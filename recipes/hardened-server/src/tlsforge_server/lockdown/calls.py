"""System calls by number. Source: asm/unistd_64.h for x86_64, asm-generic/unistd.h for aarch64."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal

from .linux import NotInForce

#: On x86_64, on aarch64.
NUMBERS: dict[str, tuple[int, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone": (56, 220),
    "clone3": (435, 435),
    "connect": (42, 203),
    "delete_module": (176, 106),
    "execve": (59, 221),
    "execveat": (322, 281),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mprotect": (10, 226),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "pkey_mprotect": (329, 288),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sendmmsg": (307, 269),
    "sendmsg": (46, 211),
    "sendto": (44, 206),
    "setns": (308, 268),
    "shmat": (30, 196),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}


@dataclass(frozen=True)
class Processor:
    """How a kind of processor names its calls to a filter. ``foreign`` is the first number that is another convention's (x32)."""

    audit: int
    column: Literal[0, 1]
    foreign: int | None

    def number(self, call: str) -> int:
        return NUMBERS[call][self.column]


#: AUDIT_ARCH_* of linux/audit.h.
PROCESSORS: dict[str, Processor] = {
    "x86_64": Processor(0xC000003E, 0, 0x40000000),
    "aarch64": Processor(0xC00000B7, 1, None),
}


def processor() -> Processor:
    """This process's. Raises NotInForce for one whose numbers are not known here."""
    machine = os.uname().machine
    bits = 64 if sys.maxsize > 1 << 32 else 32
    if bits == 64 and machine in PROCESSORS:
        return PROCESSORS[machine]
    raise NotInForce(f"unknown processor ({machine}, {bits} bits)")
