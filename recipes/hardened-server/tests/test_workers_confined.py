"""Applications in the whole server, its workers confined to what each needs: that it works, that it is in force, and that access log lines
are the workers' own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from client import answer, connected, get
from conftest import Running
from family import stopped
from fleet import wait_for
from frames import ACCEPT, CLOSE, HANDSHAKE, TEXT, Frames, frame
from test_lockdown import kernel_has_landlock
from upstreams import OK, Upstream, answering

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux") or not kernel_has_landlock(), reason="a kernel without Landlock")

Document = dict[str, Any]
Serve = Callable[[Document], Running]


@pytest.fixture
def serve(start: Callable[..., Running], document: Document, port: int) -> Serve:
    def run(app: Document) -> Running:
        document.update({"app": app, "accessLog": True, "workers": 2})
        running = start().wait_ready()
        in_force = running.status()["policy"]
        assert in_force["landlock"].startswith("in force, ABI ") and "(workers)" in in_force["landlock"], in_force
        connects = ", but for connect" if app["kind"] == "proxy" else ""
        assert in_force["systemCalls"].startswith(f"in force{connects} (workers)"), in_force
        return running

    return run


@contextmanager
def alone(running: Running) -> Iterator[None]:
    """The workers, without the process that has made them and the one that is asked for its status."""
    with stopped([running.process.pid, _parent(running.status()["workers"][0])]):
        yield


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def logged(document: Document) -> list[str]:
    """Request and code of each line."""
    path = Path(document["paths"]["state"]) / "access.log"
    return [" ".join(line.split('"')[1:3]).rsplit(" ", 2)[0] for line in path.read_text().splitlines()]


@contextmanager
def upstream(way: str, folder: Path, seen: list[bytes]) -> Iterator[str]:
    made = Upstream(answering(OK, seen), path=folder / "up.sock" if way == "unix" else None)
    try:
        yield made.url.replace("127.0.0.1", "localhost") if way == "name" else made.url
    finally:
        made.close()


@pytest.mark.parametrize("way", ["address", "name", "unix"])
def test_a_proxy_reaches_its_upstream(serve: Serve, document: Document, port: int, tmp_path: Path, way: str) -> None:
    seen: list[bytes] = []
    with upstream(way, tmp_path, seen) as url:
        running = serve({"kind": "proxy", "upstream": url})
        with alone(running):
            for number in range(6):
                with connected(port) as connection:
                    status, _headers, body = get(connection, f"/{number}")
                assert (status, body) == (200, b"ok"), running.log()
            wait_for(lambda: len(logged(document)) == 6)
    assert sorted(each.split()[1] for each in seen) == [b"/%d" % number for number in range(6)]
    assert sorted(logged(document)) == [f"GET /{number} HTTP/1.1  200" for number in range(6)]


def test_a_worker_is_turned_away_from_the_control_socket(serve: Serve, document: Document, port: int) -> None:
    """Of all Unix sockets it could reach this one: its filter lets connections be made, and cannot see where to."""
    running = serve({"kind": "proxy", "upstream": f"unix:{document['paths']['run']}/server.sock"})
    with connected(port) as connection:
        assert get(connection)[0] == 502
    workers = running.status()["workers"]
    wait_for(lambda: "turned away from the control socket" in running.log())
    assert any(f"process {pid} is a worker, or was started by one" in running.log() for pid in workers)
    assert running.status()["policy"]["controlSocket"] == "closed to workers"


def test_an_upstream_by_a_name_that_there_is_not_is_a_502(serve: Serve, document: Document, port: int) -> None:
    running = serve({"kind": "proxy", "upstream": "http://nothing.invalid:80"})
    began = time.monotonic()
    with connected(port) as connection:
        assert get(connection)[0] == 502
    assert time.monotonic() - began < 6
    wait_for(lambda: "the upstream http://nothing.invalid:80 cannot be reached" in running.log())
    assert len(running.status()["workers"]) == 2


def test_websocket_messages_are_echoed(serve: Serve, document: Document, port: int) -> None:
    running = serve({"kind": "websocket-echo"})
    with alone(running):
        for _time in range(4):
            with connected(port) as connection:
                connection.sendall(HANDSHAKE)
                status, headers, rest = answer(connection)
                assert (status, headers["sec-websocket-accept"]) == (101, ACCEPT)
                frames = Frames(connection, rest)
                connection.sendall(frame("grüße".encode(), TEXT))
                assert frames.message() == (TEXT, "grüße".encode())
                connection.sendall(frame(b"", CLOSE))
                assert frames.message()[0] == CLOSE
        wait_for(lambda: logged(document) == ["GET /chat HTTP/1.1  101"] * 4)


def test_files_are_served_and_no_others(serve: Serve, document: Document, port: int, tmp_path: Path) -> None:
    site = tmp_path / "www"
    site.mkdir()
    (site / "index.html").write_text("<p>hello")
    (site / "large").write_bytes(bytes(5_000_000))
    (tmp_path / "secret").write_text("no")
    (site / "out").symlink_to(tmp_path / "secret")
    running = serve({"kind": "static", "directory": str(site)})
    with alone(running), connected(port) as connection:
        assert get(connection)[2] == b"<p>hello"
        assert get(connection, "/large")[2] == bytes(5_000_000)
        assert get(connection, "/large", headers=("Range: bytes=10-19",))[::2] == (206, bytes(10))
        assert get(connection, "/out")[0] == 404 == get(connection, "/../secret")[0] == get(connection, "/%2e%2e/secret")[0]
        wait_for(lambda: [line.rsplit(" ", 1)[1] for line in logged(document)] == ["200", "200", "206", "404", "404", "404"])
