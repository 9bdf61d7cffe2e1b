"""Applications as workers serve them: in whole servers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client import connected, get
from conftest import Running

Start = Callable[..., Running]
MODULE = """
from twisted.internet.protocol import Factory, Protocol
class Upper(Protocol):
    def dataReceived(self, data):
        self.transport.write(data.upper())
ready = Factory.forProtocol(Upper)
"""


def test_the_access_log_has_a_line_for_each_request(start: Start, document: dict[str, Any]) -> None:
    document["accessLog"] = True
    running = start().wait_ready()
    with connected(running.port()) as connection:
        assert get(connection)[0] == 200
        assert get(connection, "/none")[0] == 404
    log = Path(document["paths"]["state"]) / "access.log"
    assert [line.split('"')[1] for line in _lines(log, 2)] == ["GET / HTTP/1.1", "GET /none HTTP/1.1"]
    log.rename(log.with_name("moved"))
    assert running.ask("reload")["ok"]
    with connected(running.port()) as connection:
        assert get(connection, "/after")[0] == 404
    assert len(_lines(log, 1)) == 1


def _lines(path: Path, count: int) -> list[str]:
    deadline = time.monotonic() + 3
    while not path.exists() or len(lines := path.read_text().splitlines()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return lines


def test_a_factory_is_served_by_each_worker_and_a_wrong_one_is_refused(start: Start, document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(MODULE)
    document["app"] = {"kind": "factory", "module": "theirs", "attribute": "ready", "path": str(tmp_path)}
    document["workers"] = 2
    running = start().wait_ready()
    for _ in range(4):
        with connected(running.port()) as connection:
            connection.sendall(b"hello")
            assert connection.recv(10) == b"HELLO"
    assert running.ask("reload")["ok"]
    document["app"]["attribute"] = "none"
    running.write()
    refused = running.ask("reload")
    assert refused["error"]["code"] == "app-refused" and "theirs.py has no none" in refused["error"]["message"]
    with connected(running.port()) as connection:
        connection.sendall(b"still")
        assert connection.recv(10) == b"STILL"
    code, errors = start().ended()
    assert code == 1 and "theirs.py has no none" in errors


@pytest.mark.parametrize(("app", "code"), [({"kind": "proxy", "upstream": "http://127.0.0.1:9"}, 502), ({"kind": "websocket-echo"}, 426)])
def test_it_starts_with_each_application(start: Start, document: dict[str, Any], app: dict[str, str], code: int) -> None:
    document["app"] = app
    running = start().wait_ready()
    with connected(running.port()) as connection:
        assert get(connection)[0] == code


def test_a_factory_that_hangs_is_told_as_one(start: Start, document: dict[str, Any], tmp_path: Path) -> None:
    running = start().wait_ready()
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)\n")
    document["app"] = {"kind": "factory", "module": "endless", "attribute": "ready", "path": str(tmp_path)}
    running.write()
    refused = running.ask("reload")
    assert "did not answer in time and was ended before it could serve" in refused["error"]["message"]
    assert "app.factory" in refused["error"]["hint"]


def test_a_worker_looks_for_its_own_garbage_and_not_among_what_it_shares(start: Start, document: dict[str, Any], tmp_path: Path) -> None:
    told = MODULE.replace("data.upper()", 'b"%d %d" % (gc.isenabled(), gc.get_freeze_count() > 10_000)')
    (tmp_path / "theirs.py").write_text(f"import gc\n{told}")
    document["app"] = {"kind": "factory", "module": "theirs", "attribute": "ready", "path": str(tmp_path)}
    with connected(start().wait_ready().port()) as connection:
        connection.sendall(b"hello")
        assert connection.recv(10) == b"1 1"
