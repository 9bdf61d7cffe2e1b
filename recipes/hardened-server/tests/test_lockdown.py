"""What the process gives up is in force or said not to be: tried in children, because nothing of it can be taken back."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

from tlsforge_server.process import lockdown

SOURCE = str(Path(__file__).parent.parent / "src")


def in_child(code: str) -> dict[str, str]:
    """Runs code that assigns ``told`` in a new Python, after an import of the module."""
    program = f"import sys, json; sys.path.insert(0, sys.argv[1]); from tlsforge_server.process import lockdown\n{code}\nprint(json.dumps(told))"
    run = subprocess.run([sys.executable, "-I", "-B", "-c", program, SOURCE], capture_output=True, text=True, check=True)
    told: dict[str, str] = json.loads(run.stdout)
    return told


def kernel_denies() -> bool:
    libc = ctypes.CDLL(None)
    return int(libc.prctl(lockdown.PR_GET_MDWE, 0, 0, 0, 0)) >= 0


def test_both_are_in_force_when_callbacks_work() -> None:
    told = in_child("told = lockdown.lock_down(True)")
    assert told["noNewPrivileges"] == "in force"
    if kernel_denies():
        assert told["memoryDenyWriteExecute"] == "in force"
    else:
        assert "Linux 6.3" in told["memoryDenyWriteExecute"]


def test_in_force_means_that_memory_cannot_become_executable() -> None:
    code = """
import mmap
told = lockdown.lock_down(True)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    told["mapped"] = "yes"
except PermissionError:
    told["mapped"] = "no"
told["again"] = lockdown.lock_down(True)["memoryDenyWriteExecute"]
"""
    told = in_child(code)
    assert told["mapped"] == ("no" if told["memoryDenyWriteExecute"] == "in force" else "yes")
    assert told["again"] == told["memoryDenyWriteExecute"]


def test_capabilities_are_gone_and_do_not_come_back() -> None:
    code = """
import os, subprocess
told = lockdown.lock_down(False)
def effective(text):
    return next(line.split()[1] for line in text.splitlines() if line.startswith("CapEff"))
told["now"] = effective(open("/proc/self/status").read())
told["child"] = effective(subprocess.run(["/bin/cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout)
told["thread"] = ""
import threading
def look():
    told["thread"] = effective(open(f"/proc/self/task/{threading.get_native_id()}/status").read())
thread = threading.Thread(target=look)
thread.start()
thread.join()
"""
    told = in_child(code)
    assert told["capabilitiesDropped"].startswith("in force")
    assert {int(told[who], 16) & ~(1 << lockdown.CAP_DAC_OVERRIDE) for who in ("now", "child", "thread")} == {0}


def test_it_is_left_off_and_said_when_callbacks_need_such_memory() -> None:
    told = in_child("told = lockdown.lock_down(False)")
    assert told["memoryDenyWriteExecute"].startswith("not in force: ")
    assert told["noNewPrivileges"] == "in force"


def test_the_question_is_answered_without_a_trace() -> None:
    """The trial runs in a child: this process can still map such memory, and the answer agrees with what the child saw."""
    code = """
import mmap
work = lockdown.callbacks_survive_wx()
mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
told = {"work": str(work), "after": lockdown.lock_down(work)["memoryDenyWriteExecute"]}
from OpenSSL import SSL
try:
    kept = [SSL.Context(SSL.TLS_METHOD).set_alpn_select_callback(lambda c, o: b"") for _ in range(300)]
    told["callbacks"] = "made"
except MemoryError:
    told["callbacks"] = "refused"
"""
    told = in_child(code)
    assert told["work"] in ("True", "False", "None")
    assert told["callbacks"] == "made", "whatever was decided, callbacks still work"
    assert told["after"].startswith("in force") == (told["work"] == "True")
