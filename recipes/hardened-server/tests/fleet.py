"""Several server processes of one run folder, as a prefix has them: a trial, the one that serves, one that stands by."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Document = dict[str, Any]
STEMS = {"trial": "trial", "serving": "server", "standing-by": "standby"}


def bundle_of(document: Document) -> dict[str, Any]:
    """The document with its PEM files, as the command line hands them over."""
    paths = [path for pair in document["certificates"] for path in pair.values()]
    return {"config": json.dumps(document), "files": {path: Path(path).read_text() for path in paths}}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return int(holder.getsockname()[1])


class Fleet:
    """``command`` runs the server program. Processes are ended by ``close``, also those that were spawned."""

    def __init__(self, command: list[str], run: Path) -> None:
        self._command = command
        self.run = run
        #: What runs the program.
        self.prefix: list[str] = []
        self.processes: list[subprocess.Popen[str]] = []
        self._seen: set[int] = set()

    def use(self, command: list[str], run: Path) -> None:
        self._command, self.run = command, run

    def start(self, document: Document, *flags: str, wait: bool = True, env: Mapping[str, str] | None = None, **popen: Any) -> subprocess.Popen[str]:
        """A process from a bundle; with ``wait``, when it answers."""
        process = subprocess.Popen(
            [*self.prefix, *self._command, "--bundle", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=None if env is None else dict(env),
            **popen,
        )
        self.processes.append(process)
        assert process.stdin is not None
        process.stdin.write(json.dumps(bundle_of(document)))
        process.stdin.close()
        process.stdin = None
        if wait:
            self.wait_pid("trial" if "--trial" in flags else "serving", process.pid, process)
        return process

    def wait_pid(self, role: str, pid: int, process: subprocess.Popen[str] | None = None) -> None:
        def there() -> bool:
            if process is not None and process.poll() is not None:
                raise AssertionError(f"the server ended with {process.returncode}: {process.communicate()[1]}")
            return self.answers(role) and self.status(role)["pid"] == pid

        wait_for(there, 20)

    def socket(self, role: str) -> Path:
        return self.run / f"{STEMS[role]}.sock"

    def answers(self, role: str) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket(role))) == 0

    def ask(self, role: str, command: str, seconds: float = 30, **keys: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(seconds)
            client.connect(str(self.socket(role)))
            client.sendall(json.dumps({"command": command, **keys}).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                chunk = client.recv(65536)
                assert chunk, "the control socket closed without an answer"
                text += chunk
        answer: dict[str, Any] = json.loads(text)
        self._seen.update([answer["status"]["pid"]] if "status" in answer else [])
        return answer

    def status(self, role: str) -> dict[str, Any]:
        status: dict[str, Any] = self.ask(role, "status")["status"]
        return status

    def names(self) -> list[str]:
        """What is in the run folder."""
        return sorted(each.name for each in self.run.iterdir())

    def pid_file(self, role: str) -> int:
        return int((self.run / f"{STEMS[role]}.pid").read_text().split()[0])

    def close(self) -> None:
        named = {int(each.read_text().split()[0]) for each in self.run.glob("*.pid")} if self.run.exists() else set()
        for pid in (self._seen | named) - {each.pid for each in self.processes}:
            if _is_ours(pid):
                os.kill(pid, signal.SIGKILL)
        for each in self.processes:
            if each.poll() is None:
                each.kill()
            each.communicate()
        self.processes.clear()
        self._seen.clear()


def _is_ours(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"tlsforge" in words or b"launch_wheel" in words
    except OSError:
        return False


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def refusal(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The error that a process told when it refused to start."""
    _out, errors = process.communicate(timeout=20)
    assert process.returncode == 1, errors
    told: dict[str, Any] = json.loads(errors.strip().splitlines()[-1])["error"]
    return told
