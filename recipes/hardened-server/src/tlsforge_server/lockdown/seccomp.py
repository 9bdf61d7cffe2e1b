"""Filters of system calls (seccomp(2)): lists of what is denied, and the classic BPF that denies it."""

from __future__ import annotations

import ctypes
import errno
import struct
import zlib
from dataclasses import dataclass

from .calls import Processor, processor
from .linux import PR_SET_SECCOMP, NotInForce, prctl, syscall


@dataclass(frozen=True)
class Denied:
    """A call that fails with ``error``: always, or only when each of ``masks`` has a bit in common with the argument of that index."""

    call: str
    error: int = errno.EPERM
    argument: int = 0
    masks: tuple[int, ...] = ()


_PROT_WRITE, _PROT_EXEC, _SHM_EXEC = 2, 4, 0o100000
#: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h.
_CLONE_NEW = 0x7E020000

#: What systemd's MemoryDenyWriteExecute=yes denies.
WRITE_EXECUTE: tuple[Denied, ...] = (
    Denied("mmap", argument=2, masks=(_PROT_WRITE, _PROT_EXEC)),
    Denied("mprotect", argument=2, masks=(_PROT_EXEC,)),
    Denied("pkey_mprotect", argument=2, masks=(_PROT_EXEC,)),
    Denied("shmat", argument=2, masks=(_SHM_EXEC,)),
)

#: What a server has no use for: other processes, the kernel's modules, mounts, keys, tracing, and what its flaws have come in by.
NEVER: tuple[Denied, ...] = (
    *map(Denied, ("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd")),
    *map(Denied, ("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot")),
    *map(Denied, ("mount", "umount2", "pivot_root", "move_mount", "open_tree", "mount_setattr")),
    *map(Denied, ("fsopen", "fsconfig", "fsmount", "fspick")),
    *map(Denied, ("setns", "unshare", "name_to_handle_at", "open_by_handle_at", "personality")),
    *map(Denied, ("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register")),
    *map(Denied, ("keyctl", "add_key", "request_key", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd")),
    Denied("clone", masks=(_CLONE_NEW,)),
    # Its flags are in memory, where a filter cannot look. The C library goes back to clone when the kernel has not got it.
    Denied("clone3", errno.ENOSYS),
)

EXECUTE: tuple[Denied, ...] = (Denied("execve"), Denied("execveat"))

# Landlock knows nothing of Unix sockets with a path (before ABI 9), of which the server's own control socket is one, nor of datagrams, nor
# of a connection that is opened by sending (MSG_FASTOPEN).
_AF_UNIX, _AF_INET_OR_INET6, _SOCK_DGRAM, _MSG_FASTOPEN = 1, 2, 2, 0x20000000

#: No socket but those that come from elsewhere.
SOCKETS: tuple[Denied, ...] = tuple(map(Denied, ("socket", "socketpair", "connect")))

#: No Unix socket. AF_INET, AF_INET6 and AF_NETLINK, by which names are looked up, are even numbers.
UNIX: tuple[Denied, ...] = (
    Denied("socket", masks=(_AF_UNIX,)),
    Denied("socketpair"),
    Denied("sendto", argument=3, masks=(_MSG_FASTOPEN,)),
    Denied("sendmsg", argument=2, masks=(_MSG_FASTOPEN,)),
    Denied("sendmmsg", argument=3, masks=(_MSG_FASTOPEN,)),
)

#: No socket of the internet.
INTERNET: tuple[Denied, ...] = (Denied("socket", masks=(_AF_INET_OR_INET6,)), Denied("socketpair"))

#: No socket but for streams. A list of its own: of a call a list has one argument.
DATAGRAMS: tuple[Denied, ...] = (Denied("socket", argument=1, masks=(_SOCK_DGRAM,)),)

_MODE_FILTER = 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
#: Offsets in struct seccomp_data; of an argument, its lower half.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
#: What a filter answers to its own mark, a call that no kernel has: an error that no call fails with.
_MARKED = 4000


def install(denied: tuple[Denied, ...]) -> None:
    """Puts the filter in force for this thread, and what it forks or starts. One that is in force already, from the process that started
    this one, is not put there again. Raises NotInForce, and OSError when the kernel refuses it."""
    code, mark = program(denied, processor())
    if _answers(mark):
        return
    instructions = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions)))
    prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))
    if not _answers(mark):
        raise NotInForce("the filter that was installed does not answer")


def program(denied: tuple[Denied, ...], machine: Processor) -> tuple[bytes, int]:
    """The filter, and its mark: the number of a call that it answers and no kernel has, another one for each other list."""
    mark = 0x20000000 | zlib.crc32(repr((denied, machine)).encode()) & 0x1FFFFFFF
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_unless((_EQUAL, machine.audit), errno.EPERM),
        (_LOAD, 0, 0, _NUMBER),
        *([] if machine.foreign is None else _when((_AT_LEAST, machine.foreign), errno.EPERM)),
        *_when((_EQUAL, mark), _MARKED),
        *(line for each in denied for line in _denial(each, machine)),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines), mark


_Line = tuple[int, int, int, int]


def _denial(denied: Denied, machine: Processor) -> list[_Line]:
    number = machine.number(denied.call)
    if not denied.masks:
        return _when((_EQUAL, number), denied.error)
    # Each mask that has no bit in common leads past the refusal to the permission after it.
    tests = [(_ANY_BIT, 0, len(denied.masks) - index, mask) for index, mask in enumerate(denied.masks)]
    body = [(_LOAD, 0, 0, _ARGUMENTS + 8 * denied.argument), *tests, (_RETURN, 0, 0, _ERRNO | denied.error), (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]


def _when(test: tuple[int, int], error: int) -> list[_Line]:
    return [(test[0], 0, 1, test[1]), (_RETURN, 0, 0, _ERRNO | error)]


def _unless(test: tuple[int, int], error: int) -> list[_Line]:
    return [(test[0], 1, 0, test[1]), (_RETURN, 0, 0, _ERRNO | error)]


def _answers(mark: int) -> bool:
    try:
        syscall(mark)
    except OSError as error:
        return error.errno == _MARKED
    return False
