"""Processes of several generations: a trial that is graded and takes over, the one that stands by, and the way back."""

from __future__ import annotations

import signal
import socket
import time
from typing import Any

import pytest
from client import answer, connected, generation, get
from fleet import Fleet, free_port, refusal, wait_for
from load import Load
from OpenSSL import SSL

Document = dict[str, Any]


def test_a_trial_is_graded_beside_the_one_that_serves_and_takes_over(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1})
    assert (fleet.status("serving")["role"], fleet.status("serving")["until"]) == ("serving", None)
    second = fleet.start({**document, "generation": 2}, "--trial")
    trial = fleet.status("trial")
    assert (trial["role"], trial["generation"], trial["redirect"]) == ("trial", 2, [])
    host, _, graded = trial["listen"][0].rpartition(":")
    assert host == "127.0.0.1" and int(graded) != port
    assert (generation(int(graded)), generation(port)) == (2, 1)
    assert fleet.names() == ["server.pid", "server.sock", "trial.pid", "trial.sock"]

    taken = fleet.ask("trial", "take-over")["status"]
    assert (taken["role"], taken["listen"], taken["until"]) == ("serving", [f"127.0.0.1:{port}"], None)
    assert generation(port) == 2
    assert fleet.names() == ["server.pid", "server.sock", "standby.pid", "standby.sock"]
    assert (fleet.status("serving")["pid"], fleet.pid_file("serving")) == (second.pid, second.pid)
    standing = fleet.status("standing-by")
    assert (standing["pid"], standing["role"], fleet.pid_file("standing-by")) == (first.pid, "standing-by", first.pid)
    assert standing["until"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 500))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(graded)))


def test_the_one_that_stands_by_serves_again_within_milliseconds(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1})
    second = fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    for serving, standing in ((first, second), (second, first), (first, second)):
        began = time.monotonic()
        assert fleet.ask("standing-by", "take-over")["ok"] is True
        assert time.monotonic() - began < 0.2
        assert generation(port) == (1 if serving is first else 2)
        assert (fleet.status("serving")["pid"], fleet.status("standing-by")["pid"]) == (serving.pid, standing.pid)
        assert (fleet.pid_file("serving"), fleet.pid_file("standing-by")) == (serving.pid, standing.pid)
        assert fleet.names() == ["server.pid", "server.sock", "standby.pid", "standby.sock"]
    assert fleet.ask("serving", "take-over")["status"]["pid"] == first.pid, "asked again, it says that it does"


def test_nothing_fails_while_the_role_changes_hands_under_load(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2}, "--trial")
    with Load(port) as load:
        wait_for(lambda: load.done > 100, 30)
        assert fleet.ask("trial", "take-over")["ok"] is True
        changes = 1
        while load.done < 1500:
            time.sleep(0.05)
            assert fleet.ask("standing-by", "take-over")["ok"] is True
            changes += 1
    assert load.failed == []
    assert load.done >= 1000 and changes >= 10


def test_a_kept_connection_is_answered_and_told_to_close(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2}, "--trial")
    with connected(port) as kept:
        assert "connection" not in get(kept)[1]
        fleet.ask("trial", "take-over")
        time.sleep(0.1)
        status, headers, body = get(kept)
        assert (status, headers["connection"]) == (200, "close") and b"generation<td>1<" in body
        with pytest.raises(SSL.ZeroReturnError):
            kept.recv(1)


def test_a_third_one_ends_the_one_that_stood_by(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1})
    second = fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    third = fleet.start({**document, "generation": 3}, "--trial")
    fleet.ask("trial", "take-over")
    assert first.wait(10) == 0
    assert (fleet.status("serving")["pid"], fleet.status("standing-by")["pid"]) == (third.pid, second.pid)
    assert generation(port) == 3
    fleet.ask("standing-by", "take-over")
    assert generation(port) == 2


def test_one_that_stands_by_and_does_not_answer_is_ended_by_force(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    fleet.start({**document, "generation": 3}, "--trial")
    first.send_signal(signal.SIGSTOP)
    assert fleet.ask("trial", "take-over")["ok"] is True
    assert first.wait(5) == -signal.SIGKILL
    assert (fleet.status("serving")["generation"], fleet.status("standing-by")["generation"]) == (3, 2)


def test_a_trial_serves_when_nobody_does(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start(document, "--trial")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert fleet.ask("trial", "take-over")["status"]["role"] == "serving"
    assert generation(port) == 7 and fleet.names() == ["server.pid", "server.sock"]


def test_addresses_that_only_the_new_one_has_are_bound_by_it(fleet: Fleet, document: Document, port: int) -> None:
    extra, plain = free_port(), free_port()
    fleet.start({**document, "generation": 1})
    changed = {**document, "generation": 2, "listen": [f"127.0.0.1:{extra}", f"127.0.0.1:{port}"], "redirect": [f"127.0.0.1:{plain}"]}
    fleet.start(changed, "--trial")
    assert fleet.ask("trial", "take-over")["status"]["redirect"] == [f"127.0.0.1:{plain}"]
    assert generation(extra) == 2 and generation(port) == 2
    with socket.create_connection(("127.0.0.1", plain)) as tcp:
        tcp.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer(tcp)[1]["location"] == f"https://localhost:{extra}/x"


def test_an_address_that_only_the_one_standing_by_holds_is_taken_from_it(fleet: Fleet, document: Document, port: int) -> None:
    other = free_port()
    first = fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2, "listen": [f"127.0.0.1:{other}"]}, "--trial")
    fleet.ask("trial", "take-over")
    third = fleet.start({**document, "generation": 3}, "--trial")
    assert fleet.ask("trial", "take-over")["status"]["listen"] == [f"127.0.0.1:{port}"]
    assert generation(port) == 3
    assert (fleet.pid_file("serving"), first.wait(10)) == (third.pid, 0)


def test_a_taken_port_is_known_before_the_trial_is_graded(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start(document)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        changed = {**document, "listen": [f"127.0.0.1:{port}", f"127.0.0.1:{taken}"]}
        told = refusal(fleet.start(changed, "--trial", wait=False))
    assert (told["code"], told["port"]) == ("port-in-use", taken)
    assert fleet.names() == ["server.pid", "server.sock"]


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_an_address_that_overlaps_a_held_one_is_refused(fleet: Fleet, document: Document, port: int, host: str) -> None:
    fleet.start(document)
    told = refusal(fleet.start({**document, "listen": [f"{host}:{port}"]}, "--trial", wait=False))
    assert told["code"] == "take-over-refused" and f"127.0.0.1:{port}" in told["message"] and "stop the server" in told["hint"]


def test_a_port_that_is_taken_after_the_trial_began_refuses_the_take_over(fleet: Fleet, document: Document, port: int) -> None:
    extra = free_port()
    first = fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2, "listen": [f"127.0.0.1:{port}", f"127.0.0.1:{extra}"]}, "--trial")
    with socket.create_server(("127.0.0.1", extra)):
        told = fleet.ask("trial", "take-over")["error"]
    assert (told["code"], told["cause"], told["listen"]) == ("take-over-refused", "port-in-use", f"127.0.0.1:{extra}")
    assert fleet.status("serving")["pid"] == first.pid and fleet.status("trial")["role"] == "trial"
    assert generation(port) == 1
    assert fleet.ask("trial", "take-over")["status"]["role"] == "serving", "once the port is free again"
    assert generation(extra) == 2 and generation(port) == 2


def test_a_server_that_hangs_is_not_taken_over_from(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1})
    fleet.start({**document, "generation": 2}, "--trial")
    first.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    told = fleet.ask("trial", "take-over")["error"]
    assert 4 < time.monotonic() - began < 8
    assert told["code"] == "take-over-refused" and "does not answer" in told["message"]
    first.send_signal(signal.SIGCONT)
    assert generation(port) == 1 and fleet.status("serving")["role"] == "serving" and fleet.status("trial")["role"] == "trial"
    assert fleet.names() == ["server.pid", "server.sock", "trial.pid", "trial.sock"]


def test_standing_by_comes_to_its_end(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1, "standBySeconds": 1})
    fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    assert fleet.status("standing-by")["pid"] == first.pid
    assert first.wait(10) == 0
    assert fleet.names() == ["server.pid", "server.sock"] and generation(port) == 2


def test_stopping_leaves_the_one_that_stands_by(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start({**document, "generation": 1})
    second = fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    fleet.ask("serving", "stop")
    assert second.wait(10) == 0
    assert fleet.names() == ["standby.pid", "standby.sock"]
    assert fleet.ask("standing-by", "take-over")["status"]["role"] == "serving" and generation(port) == 1
    fleet.ask("serving", "stop")
    wait_for(lambda: fleet.names() == [])


def test_a_start_takes_the_sockets_of_one_that_still_stands_by(fleet: Fleet, document: Document, port: int) -> None:
    fleet.start({**document, "generation": 1})
    second = fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    fleet.ask("serving", "stop")
    assert second.wait(10) == 0
    fleet.start({**document, "generation": 3})
    assert generation(port) == 3 and fleet.status("standing-by")["generation"] == 1


def test_when_the_one_that_serves_dies_the_one_that_stands_by_serves_again(fleet: Fleet, document: Document, port: int) -> None:
    first = fleet.start({**document, "generation": 1})
    second = fleet.start({**document, "generation": 2}, "--trial")
    fleet.ask("trial", "take-over")
    second.kill()
    second.wait()
    assert generation(port) == 1, "a client waits for it, and is not refused"
    assert fleet.status("serving")["pid"] == fleet.pid_file("serving") == first.pid
    assert fleet.names() == ["server.pid", "server.sock"]


def test_a_second_trial_is_refused(fleet: Fleet, document: Document, port: int) -> None:
    running = fleet.start(document, "--trial")
    told = refusal(fleet.start(document, "--trial", wait=False))
    assert (told["code"], told["pid"]) == ("already-running", running.pid)


def test_what_is_dead_is_no_obstacle(fleet: Fleet, document: Document, port: int) -> None:
    for flags in ((), ("--trial",)):
        dead = fleet.start(document, *flags)
        dead.kill()
        dead.wait()
    assert fleet.names() == ["server.pid", "server.sock", "trial.pid", "trial.sock"]
    fleet.start({**document, "generation": 8}, "--trial")
    assert fleet.ask("trial", "take-over")["status"]["generation"] == 8
    assert generation(port) == 8 and fleet.names() == ["server.pid", "server.sock"]
