"""Sessions of clients that come back to a server of two workers: to the other one, after reloads, after rotations, and when there are no
tickets any more."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import LIBSSL, Running
from fleet import Fleet, wait_for
from OpenSSL import SSL
from visits import Visit, command_after, met, visit, visitor

pytestmark = pytest.mark.skipif(LIBSSL is None, reason="needs a libssl that can be called")

Document = dict[str, Any]
Start = Callable[..., Running]
VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
_KEY_NAME_BYTES = 16


@pytest.fixture(autouse=True)
def _ticketed(document: Document, port: int) -> None:
    document["workers"] = 2
    switch(document, 3600)


def switch(document: Document, rotate_seconds: int | None) -> None:
    """Tickets on, or off."""
    on = rotate_seconds is not None
    document["policy"]["tickets"] = {"rotateSeconds": rotate_seconds} if on else None
    document["policy"]["options"] = ["NO_COMPRESSION", "NO_RENEGOTIATION", *([] if on else ["NO_TICKET"])]


def reload(running: Running) -> None:
    running.document["generation"] += 1
    running.write()
    answer = running.ask("reload")
    assert answer["ok"] is True, answer


def at_each(running: Running, port: int, client: SSL.Context, session: SSL.Session | None) -> list[Visit]:
    """What each worker makes of a session."""
    workers = running.status()["workers"]
    assert len(workers) == 2
    return [each for pid in workers for each in _at(pid, workers, port, client, session)]


def _at(pid: int, workers: list[int], port: int, client: SSL.Context, session: SSL.Session | None) -> Iterator[Visit]:
    with met(pid, workers):
        yield visit(port, client, session)


@VERSIONS
def test_a_ticket_of_one_worker_resumes_on_the_other(start: Start, port: int, version: str) -> None:
    running, client = start().wait_ready(), visitor(version)
    first, second = at_each(running, port, client, None)
    assert not first.resumed and not second.resumed
    assert first.ticket[:_KEY_NAME_BYTES] == second.ticket[:_KEY_NAME_BYTES] != b""
    for given in (first, second):
        assert [(each.status, each.resumed) for each in at_each(running, port, client, given.session)] == [(200, True)] * 2
    assert [each.resumed for each in at_each(running, port, visitor(version), None)] == [False] * 2


@VERSIONS
def test_sessions_outlive_reloads_and_workers(start: Start, document: Document, port: int, tmp_path: Path, version: str) -> None:
    running, client = start().wait_ready(), visitor(version)
    given = visit(port, client)
    reload(running)
    assert [each.resumed for each in at_each(running, port, client, given.session)] == [True] * 2
    workers = running.status()["workers"]
    # Another application is served by other processes.
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("other")
    running.document["app"] = {"kind": "static", "directory": str(tmp_path / "www")}
    reload(running)
    assert not set(workers) & set(running.status()["workers"])
    assert [each.resumed for each in at_each(running, port, client, given.session)] == [True] * 2
    victim = running.status()["workers"][0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in (now := running.status()["workers"]) and len(now) == 2)
    assert [each.resumed for each in at_each(running, port, client, given.session)] == [True] * 2


@VERSIONS
def test_when_tickets_are_switched_off_none_resumes_and_none_is_sent(start: Start, port: int, version: str) -> None:
    running, client = start().wait_ready(), visitor(version)
    given = visit(port, client)
    switch(running.document, None)
    reload(running)
    assert running.status()["policy"]["resumption"] == "off"
    after = at_each(running, port, client, given.session)
    assert [(each.status, each.resumed, each.ticket) for each in after] == [(200, False, b"")] * 2
    switch(running.document, 3600)
    reload(running)
    after = at_each(running, port, client, given.session)
    assert [(each.status, each.resumed) for each in after] == [(200, False)] * 2, "the keys of then are gone"
    assert [each.resumed for each in at_each(running, port, client, after[0].session)] == [True] * 2


@VERSIONS
def test_none_is_sent_when_off(start: Start, document: Document, port: int, version: str) -> None:
    switch(document, None)
    running, client = start().wait_ready(), visitor(version)
    first = at_each(running, port, client, None)
    assert [each.ticket for each in first] == [b""] * 2
    assert [each.resumed for each in at_each(running, port, client, first[0].session)] == [False] * 2


def test_a_rotation_keeps_tickets_of_the_last_key_and_the_next_one_none(document: Document, port: int) -> None:
    """With periods of four seconds, which no configuration may have."""
    switch(document, 4)
    fleet = Fleet(command_after("from tlsforge_server.config import parse; parse.SHORTEST_TICKET_SECONDS = 1"), Path(document["paths"]["run"]))
    clients = {version: visitor(version) for version in ("TLSv1.2", "TLSv1.3")}
    watch = visitor()

    def key() -> bytes:
        return visit(port, watch).ticket[:_KEY_NAME_BYTES]

    def rotated(former: bytes) -> bytes:
        wait_for(lambda: key() != former, 6)
        # Both have it within the moment that it takes to hand it over.
        time.sleep(0.3)
        return key()

    def again(given: dict[str, Visit]) -> set[tuple[int, bool]]:
        """Eight each, by whichever worker."""
        visits = [visit(port, clients[version], each.session) for version, each in given.items() for _time in range(8)]
        return {(each.status, each.resumed) for each in visits}

    try:
        fleet.start(document)
        workers = fleet.status("serving")["workers"]
        first = rotated(key())
        time.sleep(1.5)
        given = {version: visit(port, client) for version, client in clients.items()}
        assert {each.ticket[:_KEY_NAME_BYTES] for each in given.values()} == {first}
        second = rotated(first)
        assert again(given) == {(200, True)}
        rotated(second)
        assert again(given) == {(200, False)}
        assert fleet.status("serving")["workers"] == workers and fleet.status("serving")["troubles"] == []
    finally:
        fleet.close()
