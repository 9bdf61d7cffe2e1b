"""Workers that die, grow, hang or run out of something: others go on, and their places are taken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from client import connected, generation, get
from conftest import COMMAND, LIBSSL, Running
from fleet import Fleet, wait_for
from load import Load

Document = dict[str, Any]
Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def _two(document: Document, port: int) -> None:
    document["workers"] = 2
    document["limits"] = {"drainSeconds": 2}


def state_of(pid: int) -> str:
    """The kernel's letter for a process; X when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return "X"


def children(pid: int) -> list[int]:
    return [int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()]


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def nanoseconds_of(pid: int) -> int:
    """Of processor time."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def gone(pids: list[int]) -> bool:
    return all(state_of(each) in "XZ" for each in pids)


def test_the_first_process_serves_nothing_and_its_workers_share(start: Start, port: int) -> None:
    began = time.monotonic()
    running = start()
    while True:
        try:
            assert generation(port) == 7
            break
        except OSError:
            time.sleep(0.005)
    print(f"start to first handshake: {time.monotonic() - began:.2f} s")
    workers = running.wait_ready().status()["workers"]
    assert len(workers) == 2 and set(workers) < set(descendants(running.process.pid))
    before = [nanoseconds_of(pid) for pid in workers]
    with Load(port) as load:
        wait_for(lambda: load.done > 200, 30)
    spent = [nanoseconds_of(pid) - former for pid, former in zip(workers, before, strict=True)]
    assert load.failed == [] and min(spent) > 0.1 * sum(spent)


def test_killed_under_load_each_is_replaced_and_nobody_else_notices(start: Start, port: int) -> None:
    running = start().wait_ready()
    with Load(port) as load:
        for _time in range(3):
            victim = running.status()["workers"][0]
            before = load.done
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: victim not in (now := running.status()["workers"]) and len(now) == 2)
            wait_for(lambda: load.done > before + 100, 20)
    # What was under way in the one that was killed is lost: of four clients, a connection each at most.
    assert len(load.failed) <= 3 * 4 and not any("Refused" in each for each in load.failed), load.failed
    assert running.log().count("was ended by SIGKILL") == 3
    assert running.status()["troubles"] == []
    quiet = Load(port)
    with quiet:
        wait_for(lambda: quiet.done > 50, 20)
    assert quiet.failed == []


def test_one_that_dies_again_and_again_is_made_again_later(start: Start, port: int) -> None:
    running = start().wait_ready()
    killed = 0
    while "next one is made in" not in running.log():
        for pid in running.status()["workers"]:
            # One that is gone already may not have been told yet.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
            wait_for(lambda: state_of(pid) == "X")
        assert killed < 20
    assert killed > 5 and "one after the other" in running.status()["troubles"][0]
    wait_for(lambda: len(running.status()["workers"]) == 2)
    assert generation(port) == 7


def test_a_supervisor_that_is_killed_leaves_nothing_after_the_deadline(start: Start, port: int) -> None:
    running = start().wait_ready()
    family = descendants(running.process.pid)
    assert len(family) == 3
    with connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        running.process.kill()
        running.process.wait()
        time.sleep(0.3)
        assert not gone(family), "a request under way may come to its end"
        wait_for(lambda: gone(family), 6)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_without_the_process_that_makes_them_workers_serve_on_and_it_is_said(start: Start, port: int) -> None:
    running = start().wait_ready()
    (nursery,) = children(running.process.pid)
    workers = running.status()["workers"]
    os.kill(nursery, signal.SIGKILL)
    wait_for(lambda: "none can be replaced" in "".join(running.status()["troubles"]))
    assert generation(port) == 7
    assert running.ask("reload")["error"]["code"] == "worker-failed"
    assert sorted(running.status()["workers"]) == sorted(workers)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    code, errors = running.ended()
    assert code == 1 and "no worker is left" in running.log(), errors


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


def test_one_that_hangs_is_replaced_by_a_reload(start: Start, document: Document, port: int) -> None:
    running = start().wait_ready()
    stuck = running.status()["workers"][0]
    os.kill(stuck, signal.SIGSTOP)
    running.document["generation"] = 8
    running.write()
    assert running.ask("reload")["ok"] is True
    assert stuck not in running.status()["workers"] and state_of(stuck) == "X"
    wait_for(lambda: len(running.status()["workers"]) == 2)
    assert {generation(port) for _time in range(10)} == {8}


def test_reloads_under_load_fail_nobody(start: Start, port: int) -> None:
    running = start().wait_ready()
    workers = running.status()["workers"]
    with Load(port) as load:
        for count in range(20):
            running.document["generation"] = 8 + count
            running.write()
            assert running.ask("reload")["status"]["generation"] == 8 + count
            assert generation(port) == 8 + count, "the answer comes when all workers have it"
    assert load.failed == [] and load.done > 100
    assert running.status()["workers"] == workers


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


def test_a_reload_changes_how_many_there_are(start: Start, port: int) -> None:
    running = start().wait_ready()
    with Load(port) as load:
        for count in (3, 1, 2):
            running.document["workers"] = count
            running.write()
            assert len(running.ask("reload")["status"]["workers"]) == count
        wait_for(lambda: load.done > 100, 20)
    assert load.failed == []


def test_a_reload_of_the_application_puts_others_in_the_place_of_all(start: Start, document: Document, port: int, tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("other")
    running = start().wait_ready()
    workers = set(running.status()["workers"])
    with Load(port) as load:
        running.document["app"] = {"kind": "static", "directory": str(tmp_path / "www")}
        running.write()
        status = running.ask("reload")["status"]
        assert len(status["workers"]) == 2 and not workers & set(status["workers"])
        with connected(port) as connection:
            assert get(connection)[2] == b"other"
        wait_for(lambda: gone(list(workers)), 6)
    assert load.failed == []


def test_one_that_holds_too_much_is_replaced_by_another_that_serves_already(start: Start, document: Document, port: int) -> None:
    # Less than any worker holds.
    document["limits"] = {"workerBytes": 16 << 20, "drainSeconds": 1}
    running = start().wait_ready()
    workers = running.status()["workers"]
    with Load(port, threads=2) as load:
        wait_for(lambda: not set(workers) & set(running.status()["workers"]), 25)
    assert load.failed == [], "it drains"
    assert "MiB and is replaced" in running.log()


def test_a_log_on_a_full_disk_holds_up_nothing(start: Start, document: Document, port: int) -> None:
    document["paths"]["log"] = "/dev/full"
    running = start().wait_ready()
    victim = running.status()["workers"][0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in (now := running.status()["workers"]) and len(now) == 2)
    assert running.ask("reload")["ok"] is True and generation(port) == 7
    running.process.terminate()
    assert running.ended()[0] == 0


def test_an_access_log_that_cannot_be_had_is_said_and_holds_up_nothing(start: Start, document: Document, port: int, tmp_path: Path) -> None:
    document["accessLog"] = True
    (tmp_path / "state" / "access.log").mkdir(parents=True)
    running = start().wait_ready()
    assert "access.log cannot be written: Is a directory" in running.status()["troubles"][0]
    assert generation(port) == 7
    (tmp_path / "state" / "access.log").rmdir()
    assert running.ask("reload")["status"]["troubles"] == []
    assert (tmp_path / "state" / "access.log").stat().st_mode & 0o777 == 0o640


def test_an_access_log_that_was_renamed_is_another_file_after_a_reload(start: Start, document: Document, tmp_path: Path) -> None:
    document["accessLog"] = True
    running = start().wait_ready()
    path = tmp_path / "state" / "access.log"
    path.rename(tmp_path / "state" / "rotated")
    assert running.ask("reload")["ok"] is True
    for pid in running.status()["workers"]:
        opened = {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()}
        assert str(path) in opened and not any("rotated" in each for each in opened)


def test_an_access_log_that_has_grown_is_put_aside(start: Start, document: Document, tmp_path: Path) -> None:
    document["accessLog"] = True
    running = start().wait_ready()
    path = tmp_path / "state" / "access.log"
    os.truncate(path, (64 << 20) + 1)
    wait_for(lambda: path.with_name("access.log.1").exists() and path.exists() and path.stat().st_size == 0, 10)
    wait_for(lambda: str(path) in {os.readlink(each) for each in Path(f"/proc/{running.status()['workers'][0]}/fd").iterdir()})


def bound_descriptors(pid: int, count: int) -> None:
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={count}:"], check=True)


def test_without_descriptors_connections_are_turned_away_until_there_are_some(start: Start, port: int) -> None:
    running = start().wait_ready()
    workers = running.status()["workers"]
    for pid in workers:
        bound_descriptors(pid, max(int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()) + 8)
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    wait_for(lambda: "connections are turned away" in running.log())
    assert running.status()["workers"] == workers, "none has died of it"
    for each in held:
        each.close()
    wait_for(lambda: running.status()["connections"] == 0)
    assert generation(port) == 7
    for pid in workers:
        bound_descriptors(pid, 4096)
    assert running.ask("reload")["status"]["workers"] == workers


def test_a_worker_that_dies_while_there_are_no_descriptors_is_replaced_when_there_are(start: Start, port: int) -> None:
    running = start().wait_ready()
    victim = running.status()["workers"][0]
    bound_descriptors(running.process.pid, 3)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: "no worker can be made: Too many open files" in running.log())
    assert generation(port) == 7
    bound_descriptors(running.process.pid, 4096)
    wait_for(lambda: len(running.status()["workers"]) == 2)


@pytest.mark.skipif(LIBSSL is None, reason="the wheel's launcher takes no prelude")
def test_a_clock_that_jumps_moves_no_deadline(document: Document, port: int, tmp_path: Path) -> None:
    jump = tmp_path / "jump"
    prelude = f"import os, time; now = time.time; time.time = lambda: now() + (86400 if os.path.exists({str(jump)!r}) else 0); "
    fleet = Fleet([*(prelude + each if each.startswith("import sys") else each for each in COMMAND)], Path(document["paths"]["run"]))
    try:
        process = fleet.start(document)
        with connected(port) as connection:
            assert get(connection)[0] == 200
            jump.touch()
            time.sleep(0.5)
            assert get(connection)[0] == 200, "what is idle for a moment is not for a day"
            jump.unlink()
            began = time.monotonic()
            process.terminate()
            assert process.wait(10) == 0 and time.monotonic() - began < 5, "nor is a deadline a day away when it goes back"
    finally:
        fleet.close()


def test_roles_change_hands_between_servers_of_two_workers_each(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2}, "--trial")
    with Load(port) as load:
        for generation_now, role in ((2, "trial"), (1, "standing-by"), (2, "standing-by")):
            wait_for(lambda done=load.done: load.done > done + 50, 20)  # type: ignore[misc]
            assert fleet.ask(role, "take-over")["ok"] is True
            assert {generation(port) for _time in range(8)} == {generation_now}
            assert len(fleet.status("serving")["workers"]) == len(fleet.status("standing-by")["workers"]) == 2
    assert load.failed == []


def test_as_many_as_there_are_processors(start: Start, document: Document) -> None:
    document["workers"] = 0
    assert len(start().wait_ready().status()["workers"]) == len(os.sched_getaffinity(0))
