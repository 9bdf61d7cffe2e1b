"""W^X: what may not become executable does not, by the kernel or by a filter, and callbacks and libraries work all the same."""

from __future__ import annotations

import sys

import pytest
from confined import in_child

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures of Linux")

#: As before Linux 6.3: the kernel does not know what is asked.
_OLD = "memory.PR_GET_MDWE = 9999"

_TRY = """
import ctypes, mmap
READ, WRITE, EXEC = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

def protect(before, after):
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=before)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page)) if before & WRITE else None
    if libc.mprotect(address, mmap.PAGESIZE, after) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")

def library():
    with open(sys.modules["_socket"].__file__, "rb") as file:
        mmap.mmap(file.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=READ | EXEC).close()

def tried():
    return {
        "both": attempt(lambda: mmap.mmap(-1, 4096, prot=READ | WRITE | EXEC).close()),
        "later": attempt(protect, READ | WRITE, READ | EXEC),
        "all": attempt(protect, READ | WRITE, READ | WRITE | EXEC),
        "writable": attempt(lambda: mmap.mmap(-1, 4096, prot=READ | WRITE).close()),
        "closed": attempt(protect, READ | WRITE, READ),
        "library": attempt(library),
    }
import socket
"""
_ALLOWED = dict.fromkeys(("both", "later", "all", "writable", "closed", "library"), "done")


@pytest.mark.parametrize("kernel", ["present", "old"])
def test_memory_cannot_become_executable(kernel: str) -> None:
    code = f"""
{_TRY}
{_OLD if kernel == "old" else ""}
told = {{"before": tried(), "states": lockdown.lock_down(True, confinement.SUPERVISOR)}}
told["after"] = tried()
told["fork"] = in_fork(tried)
told["again"] = lockdown.lock_down(True, confinement.SUPERVISOR)
import decimal
"""
    told = in_child(code)
    state = told["states"]["memoryDenyWriteExecute"]
    if kernel == "old":
        assert state == "in force, by seccomp"
    assert state.startswith("in force")
    assert told["before"] == _ALLOWED, "the trial is worth nothing where this fails anyway"
    after = told["after"]
    assert {after[each] for each in ("both", "later", "all")} <= {"EPERM", "EACCES"}
    assert {after[each] for each in ("writable", "closed", "library")} == {"done"}
    assert (told["fork"], told["again"]) == (after, told["states"])


def test_shared_memory_is_not_attached_to_be_run() -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
IPC_PRIVATE, IPC_RMID, SHM_EXEC = 0, 0, 0o100000
def attach(flags):
    segment = libc.shmget(IPC_PRIVATE, 4096, 0o600)
    assert segment >= 0
    try:
        if libc.shmat(segment, None, flags) == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), "shmat")
    finally:
        libc.shmctl(segment, IPC_RMID, None)
privileges.refuse_new()
told = {"before": attempt(attach, SHM_EXEC)}
seccomp.install(seccomp.WRITE_EXECUTE)
told |= {"after": attempt(attach, SHM_EXEC), "plain": attempt(attach, 0)}
"""
    assert in_child(code) == {"before": "done", "after": "EPERM", "plain": "done"}


def test_it_is_left_off_and_said_when_callbacks_need_such_memory() -> None:
    told = in_child("told = lockdown.lock_down(False, confinement.SUPERVISOR)")
    assert told["memoryDenyWriteExecute"] == "not in force: this cffi makes callbacks in memory that is writable and executable"
    assert told["noNewPrivileges"] == "in force"


def test_where_nothing_can_deny_it_that_is_said() -> None:
    code = f"""
{_OLD}
calls.PROCESSORS.clear()
work = memory.callbacks_survive_wx()
told = {{"work": work, **lockdown.lock_down(work, confinement.SUPERVISOR)}}
"""
    told = in_child(code)
    assert told["work"] is None
    assert told["memoryDenyWriteExecute"] == "not in force: neither this kernel (Linux 6.3) nor a filter of system calls can deny it"
    assert told["systemCalls"].startswith("not in force: unknown processor (")


@pytest.mark.parametrize("kernel", ["present", "old"])
def test_the_question_is_answered_without_a_trace(kernel: str) -> None:
    """The trial runs in a child: this process can still map such memory, and the answer agrees with what the child saw."""
    code = f"""
import mmap
{_OLD if kernel == "old" else ""}
work = memory.callbacks_survive_wx()
mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
told = {{"work": work, "privileges": status("NoNewPrivs"), "after": lockdown.lock_down(work, confinement.SUPERVISOR)["memoryDenyWriteExecute"]}}
from OpenSSL import SSL
try:
    kept = [SSL.Context(SSL.TLS_METHOD).set_alpn_select_callback(lambda c, o: b"") for _ in range(300)]
    told["callbacks"] = "made"
except MemoryError:
    told["callbacks"] = "refused"
"""
    told = in_child(code)
    assert told["work"] in (True, False)
    assert told["privileges"] == "0"
    assert told["callbacks"] == "made", "whatever was decided, callbacks still work"
    assert told["after"].startswith("in force") == told["work"]
