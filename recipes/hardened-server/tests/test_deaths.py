"""Processes that die, or give up, while the role changes hands: one is always left that serves or can."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import connected, generation, get
from fleet import Fleet, wait_for

Document = dict[str, Any]


class Asker:
    """Asks the one that serves as a process that takes over does, step by step, and dies when it is told to."""

    def __init__(self, fleet: Fleet) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(fleet.socket("serving")))
        self._fleet = fleet

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def ask(self, line: str) -> tuple[bytes, list[socket.socket]]:
        self._socket.sendall(line.encode() + b"\n")
        text, received = b"", []
        while not text.endswith(b"\n"):
            data, descriptors, _flags, _from = socket.recv_fds(self._socket, 65536, 16)
            assert data
            text += data
            received += [socket.socket(fileno=each) for each in descriptors]
        return text, received


@pytest.fixture
def takers(fleet: Fleet) -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    yield sockets
    for each in sockets:
        each.close()


@pytest.mark.parametrize("step", ["after the sockets", "after the answer", "after the pid file", "after the socket's name"])
def test_a_process_that_dies_while_it_takes_over_leaves_one_that_serves(
    fleet: Fleet, document: Document, port: int, step: str, takers: list[socket.socket]
) -> None:
    first = fleet.start(document)
    with Asker(fleet) as asker:
        _text, received = asker.ask('{"command": "sockets"}')
        takers += received
        assert [each.getsockname()[1] for each in received] == [port]
        if step != "after the sockets":
            assert b'"ok": true' in asker.ask(f'{{"command": "stand-by", "pid": {os.getpid()}}}')[0]
            assert fleet.status("standing-by")["pid"] == first.pid
            assert fleet.status("serving")["role"] == "standing-by", "each name tells the truth"
        if step in ("after the pid file", "after the socket's name"):
            (fleet.run / "server.pid").write_text("999999999\n1\n")
        if step == "after the socket's name":
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(fleet.run / "dead"))
            os.rename(fleet.run / "dead", fleet.socket("serving"))
    for each in takers:
        each.close()
    wait_for(lambda: fleet.answers("serving") and fleet.status("serving")["role"] == "serving")
    assert fleet.status("serving")["pid"] == fleet.pid_file("serving") == first.pid
    assert generation(port) == 7 and fleet.names() == ["server.pid", "server.sock"]
    with connected(port) as connection:
        assert "connection" not in get(connection)[1], "connections are kept again"


def _hold(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("T"))


class Former:
    """Stands where the process that serves stands, and behaves as one that dies or gives up at a chosen moment."""

    def __init__(self, fleet: Fleet, held: socket.socket) -> None:
        self.path = fleet.socket("serving")
        self._held = held
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()

    def serve(self, answers: dict[str, bytes | None], asker: subprocess.Popen[str] | None = None) -> threading.Thread:
        """Answers one connection's commands; None closes it, and so does an answer with a blank at its end, before ``asker`` can read it."""
        thread = threading.Thread(target=self._serve, args=(answers, asker), daemon=True)
        thread.start()
        return thread

    def _serve(self, answers: dict[str, bytes | None], asker: subprocess.Popen[str] | None) -> None:
        client, _ = self._listener.accept()
        with client:
            while command := client.recv(4096):
                given = answers[json.loads(command)["command"]]
                if given is None:
                    return
                last = given.endswith(b" \n")
                if last and asker is not None:
                    _hold(asker)
                socket.send_fds(client, [given], [self._held.fileno()] if b"listen" in given else [])
                if last:
                    break
        if asker is not None:
            asker.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"stand-by": None}, None),
        ({"sockets": None}, "is taken by another program"),
        ({"stand-by": b'{"ok": true} \n'}, "has given up waiting"),
        ({"stand-by": b'{"ok": false, "error": {"code": "take-over-refused", "message": "not now"}}\n'}, "refuses: not now"),
        ({"stand-by": b"good day\n"}, "no server of this kind"),
        ({"sockets": b'{"ok": true, "listen": ["127.0.0.1:1", "127.0.0.1:2"], "redirect": []}\n'}, "names 2 sockets and sends 1"),
    ],
)
def test_one_that_dies_or_gives_up_before_it_stands_by(
    fleet: Fleet, document: Document, port: int, answers: dict[str, bytes | None], message: str | None
) -> None:
    with socket.create_server(("127.0.0.1", port)) as held:
        former = Former(fleet, held)
        sockets = f'{{"ok": true, "listen": ["127.0.0.1:{port}"], "redirect": []}}\n'.encode()
        former.serve({"sockets": sockets}).join(0.1)
        trial = fleet.start(document, "--trial")
        thread = former.serve({"sockets": sockets, **answers}, trial)
        told = fleet.ask("trial", "take-over")
        thread.join(5)
        former.close()
        if message is None:
            assert told["status"]["role"] == "serving" and generation(port) == 7
        else:
            assert told["error"]["code"] == "take-over-refused" and message in told["error"]["message"]
            assert fleet.status("trial")["role"] == "trial" and fleet.names() == ["server.sock", "trial.pid", "trial.sock"]


@pytest.mark.parametrize("victim", ["serving", "trial"])
@pytest.mark.parametrize("delay", [0.0, 0.001, 0.003, 0.006, 0.01, 0.02])
def test_killed_in_the_middle_of_it_one_is_left_that_serves_or_can(
    fleet: Fleet, document: Document, port: int, victim: str, delay: float
) -> None:
    processes = {"serving": fleet.start({**document, "generation": 1}), "trial": fleet.start({**document, "generation": 2}, "--trial")}
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(fleet.socket("trial")))
        client.sendall(b'{"command": "take-over"}\n')
        time.sleep(delay)
        processes[victim].kill()
        processes[victim].wait()
        survivor = processes["trial" if victim == "serving" else "serving"]
        wait_for(lambda: any(fleet.answers(role) and fleet.status(role)["pid"] == survivor.pid for role in ("serving", "trial", "standing-by")))
        time.sleep(0.2)
    role = next(role for role in ("serving", "standing-by", "trial") if fleet.answers(role))
    assert fleet.status(role)["role"] == role, "every name that answers tells the truth"
    if role != "serving":
        assert fleet.ask(role, "take-over")["status"]["role"] == "serving"
    assert fleet.status("serving")["pid"] == fleet.pid_file("serving") == survivor.pid
    assert generation(port) == (2 if survivor is processes["trial"] else 1)
