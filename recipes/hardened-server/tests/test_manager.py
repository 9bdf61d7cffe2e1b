"""With a service manager: sockets that it passes, and what it is told."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import connected, get
from conftest import COMMAND
from fleet import Fleet, bundle_of, wait_for

Document = dict[str, Any]

#: Gives descriptors the places that a manager gives them, and becomes the server.
_PASS = """
import os, sys
descriptors, command = sys.argv[1], sys.argv[2:]
kept = [os.dup(os.dup(int(each))) for each in descriptors.split(",")]
kept = [os.dup2(each, 100 + index) for index, each in enumerate(kept)]
for index, each in enumerate(kept):
    os.dup2(each, 3 + index)
os.closerange(3 + len(kept), 200)
os.environ.update(LISTEN_PID=os.environ.get("PRETENDED_PID", str(os.getpid())), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES="x")
os.execv(command[0], command)
"""


def pass_sockets(fleet: Fleet, document: Document, sockets: list[socket.socket], **environment: str) -> subprocess.Popen[str]:
    descriptors = [each.fileno() for each in sockets]
    python = COMMAND[0]
    process = subprocess.Popen(
        [python, "-c", _PASS, ",".join(map(str, descriptors)), *COMMAND, "--bundle"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=descriptors,
        env={**os.environ, **environment},
    )
    fleet.processes.append(process)
    assert process.stdin is not None
    process.stdin.write(json.dumps(bundle_of(document)))
    process.stdin.close()
    process.stdin = None
    return process


def descriptors_of(pid: int, kept: socket.socket) -> int:
    """How many descriptors of a process are this very socket."""
    inode = os.fstat(kept.fileno()).st_ino
    return sum(_leads_to(each) == f"socket:[{inode}]" for each in Path(f"/proc/{pid}/fd").iterdir())


def _leads_to(link: Path) -> str:
    """Empty for a descriptor that was closed meanwhile."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def test_passed_sockets_are_served_and_others_closed(fleet: Fleet, document: Document) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        port = ours.getsockname()[1]
        document["listen"] = ["127.0.0.1:0", f"127.0.0.1:{port}"]
        process = pass_sockets(fleet, document, [other, datagrams, ours])
        fleet.wait_pid("serving", process.pid, process)
        assert fleet.status("serving")["listen"][1] == f"127.0.0.1:{port}"
        assert descriptors_of(process.pid, ours) > 0
        assert descriptors_of(process.pid, other) == descriptors_of(process.pid, datagrams) == 0
        with connected(port) as connection:
            assert get(connection)[0] == 200
        with connected(int(fleet.status("serving")["listen"][0].rpartition(":")[2])) as connection:
            assert get(connection)[0] == 200
        log = Path(document["paths"]["log"]).read_text()
        assert f"socket 127.0.0.1:{other.getsockname()[1]} is none of the configured addresses" in log
        assert "is not a listening TCP socket" in log
        environment = Path(f"/proc/{process.pid}/environ").read_text()
        assert "LISTEN_FDS=3" in environment, "as the manager set it; the next test looks at what is handed on"
        # A socket that the manager keeps outlives the server: connections wait instead of being refused.
        fleet.ask("serving", "stop")
        assert process.wait(10) == 0
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            pass


def test_a_passed_socket_is_handed_on(fleet: Fleet, document: Document, program: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        document["listen"], document["redirect"] = [f"127.0.0.1:{port}"], []
        process = pass_sockets(fleet, document, [ours])
        fleet.wait_pid("serving", process.pid, process)
        program.write_text(program.read_text().replace("exec", f"env > {program}.environment\nexec"))
        assert fleet.ask("serving", "spawn", program=str(program), bundle=bundle_of({**document, "generation": 8}))["ok"] is True
        assert "LISTEN_" not in Path(f"{program}.environment").read_text()
        taken = fleet.ask("trial", "take-over")["status"]
        assert taken["listen"] == [f"127.0.0.1:{port}"] and descriptors_of(taken["pid"], ours) > 0
        with connected(port) as connection:
            assert b"generation<td>8<" in get(connection)[2]


def test_sockets_for_another_process_are_left(fleet: Fleet, document: Document) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        document["listen"] = [f"127.0.0.1:{ours.getsockname()[1]}"]
        process = pass_sockets(fleet, document, [ours], PRETENDED_PID="1")
        _out, errors = process.communicate(timeout=20)
    assert json.loads(errors)["error"]["code"] == "port-in-use"


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(10)

    def next(self) -> dict[str, str]:
        lines = self._socket.recv(65536).decode().split("\n")
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def is_quiet(self) -> bool:
        self._socket.settimeout(0.3)
        try:
            self._socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(10)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


def test_the_manager_is_told_what_happens(fleet: Fleet, document: Document, manager: Manager) -> None:
    process = fleet.start({**document, "generation": 1}, env={**os.environ, "NOTIFY_SOCKET": manager.address})
    told = manager.next()
    assert told["READY"] == "1" and told["STATUS"].startswith("generation 1 on 127.0.0.1:") and "MAINPID" not in told
    assert fleet.ask("serving", "reload", bundle=bundle_of({**document, "generation": 2}))["ok"] is True
    reloading = manager.next()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.next()["STATUS"].startswith("generation 2 on ")
    assert fleet.ask("serving", "reload", bundle={"config": "{", "files": {}})["ok"] is False
    assert [manager.next().get("RELOADING"), manager.next()["READY"]] == ["1", "1"], "also when the reload is refused"
    fleet.ask("serving", "stop")
    assert manager.next() == {"STOPPING": "1"}
    assert process.wait(10) == 0


def test_the_manager_learns_of_the_new_main_process_when_it_serves(fleet: Fleet, document: Document, manager: Manager) -> None:
    environment = {**os.environ, "NOTIFY_SOCKET": manager.address}
    fleet.start({**document, "generation": 1}, env=environment)
    manager.next()
    second = fleet.start({**document, "generation": 2}, "--trial", env=environment)
    assert manager.is_quiet(), "a trial is not what the manager waits for"
    fleet.ask("trial", "take-over")
    told = manager.next()
    assert (told["MAINPID"], told["READY"]) == (str(second.pid), "1")
    assert manager.is_quiet()
    fleet.ask("standing-by", "stop")
    assert manager.is_quiet(), "the service does not stop when the one that stands by does"
    second.send_signal(15)
    assert manager.next() == {"STOPPING": "1"}


def test_a_manager_in_the_abstract_namespace_and_one_that_is_gone(fleet: Fleet, document: Document) -> None:
    name = f"tlsforge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(10)
        fleet.start(document, env={**os.environ, "NOTIFY_SOCKET": f"@{name}"})
        assert manager.recv(4096).startswith(b"READY=1")
    fleet.ask("serving", "stop")
    wait_for(lambda: not fleet.answers("serving"))
    wait_for(lambda: "cannot be told" in Path(document["paths"]["log"]).read_text())
