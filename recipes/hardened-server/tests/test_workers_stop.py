"""A stop is a stop, whatever the workers do and whatever is asked meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from client import connected
from conftest import Running
from family import descendants, gone
from fleet import wait_for

Document = dict[str, Any]
Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def _two(document: Document, port: int) -> None:
    document["workers"] = 2
    document["limits"] = {"drainSeconds": 2}


@pytest.mark.parametrize("hangs", ["at once", "while it drains"])
def test_a_stop_has_a_deadline_that_no_worker_moves(start: Start, port: int, hangs: str) -> None:
    running = start().wait_ready()
    family = descendants(running.process.pid)
    with connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        if hangs == "at once":
            for pid in running.status()["workers"]:
                os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        running.process.terminate()
        if hangs == "while it drains":
            time.sleep(0.5)
            # The one that has nothing under way has ended.
            for pid in family[1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
        code, _errors = running.ended()
    assert code == 0 and 1.5 < time.monotonic() - began < 8
    assert gone(family)


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.06, 0.1])
def test_a_stop_in_the_middle_of_a_reload_is_a_stop(start: Start, port: int, delay: float) -> None:
    running = start().wait_ready()
    family = descendants(running.process.pid)
    running.document["workers"] = 4
    running.write()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(running.control_path)
        client.sendall(b'{"command": "reload"}\n')
        time.sleep(delay)
        running.process.terminate()
        assert running.ended()[0] == 0 and gone(family)


def test_a_reload_after_a_stop_is_refused_and_the_stop_has_its_deadline(start: Start, document: Document, port: int, tmp_path: Path) -> None:
    running = start().wait_ready()
    family = descendants(running.process.pid)
    with connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        wait_for(lambda: running.status()["connections"] == 1)
        # Other workers would take the place of all.
        document["app"] = {"kind": "static", "directory": str(tmp_path)}
        running.write()
        running.process.terminate()
        wait_for(lambda: "stopping" in running.log())
        assert running.ask("reload")["error"]["code"] == "stopping"
        assert running.ended()[0] == 0 and gone(family)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.2, 0.3])
def test_a_stop_in_the_middle_of_a_reload_of_the_application_is_a_stop(start: Start, document: Document, port: int, tmp_path: Path, delay: float) -> None:
    running = start().wait_ready()
    family = descendants(running.process.pid)
    document["app"] = {"kind": "static", "directory": str(tmp_path)}
    running.write()
    with connected(port) as connection, socket.socket(socket.AF_UNIX) as client:
        # What is under way lets workers, and so the reload, live on for a while.
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        client.connect(running.control_path)
        client.sendall(b'{"command": "reload"}\n')
        time.sleep(delay)
        running.process.terminate()
        assert running.ended()[0] == 0 and gone(family)
