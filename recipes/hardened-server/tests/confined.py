"""Code that runs in a process of its own, because nothing of a lockdown can be taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCE = str(Path(__file__).parent.parent / "src")

_BEFORE = """
import errno, json, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tlsforge_server import lockdown
from tlsforge_server.lockdown import calls, confinement, landlock, linux, memory, privileges, seccomp
from tlsforge_server.lockdown.confinement import Confinement, Free

def code():
    return tuple(sorted(confinement._code()))

def attempt(action, *arguments):
    "What became of it: done, or the error's name."
    try:
        action(*arguments)
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]

def status(name, process="self"):
    return next(line.split()[1] for line in open(f"/proc/{process}/status") if line.startswith(name + ":"))

def in_fork(action):
    "What a child says."
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(action()).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    return json.loads(os.read(reading, 65536))
"""


def in_child(code: str, *arguments: str) -> dict[str, Any]:
    """Runs code that assigns ``told`` in a new Python. ``sys.argv[2:]`` are the arguments."""
    command = [sys.executable, "-I", "-B", "-c", f"{_BEFORE}\n{code}\nprint(json.dumps(told))", SOURCE, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told
