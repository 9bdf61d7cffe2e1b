"""The access log on a disk that is really full: a file system of its own, seen by the server alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from client import connected, get
from fleet import Fleet, wait_for
from load import Load

_SMALL = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"']


def _can_mount(folder: Path) -> bool:
    try:
        return subprocess.run([*_SMALL, str(folder), "true"], capture_output=True, timeout=20).returncode == 0
    except FileNotFoundError:
        return False


def test_requests_go_on_and_so_does_the_log_when_there_is_room(fleet: Fleet, document: dict[str, Any], port: int, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    if not _can_mount(state):
        pytest.skip("needs to mount a file system: root, with unshare")
    document.update({"accessLog": True, "workers": 2})
    fleet.prefix = [*_SMALL, str(state)]
    process = fleet.start(document)
    inside = Path(f"/proc/{process.pid}/root{state}")
    workers = fleet.status("serving")["workers"]

    def ask(count: int) -> None:
        for number in range(count):
            with connected(port) as connection:
                assert get(connection, f"/{number}")[0] == 404

    def server_log() -> str:
        return Path(document["paths"]["log"]).read_text()

    ask(4)
    wait_for(lambda: (inside / "access.log").read_text().count("\n") == 4)
    with pytest.raises(OSError, match="No space left"), (inside / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    with Load(port) as load:
        wait_for(lambda: load.done > 300, 30)
    assert load.failed == []
    assert "the access log cannot be written, requests go on without it: No space left on device" in server_log()
    assert server_log().count("cannot be written") <= 2, "once for each worker"
    wait_for(lambda: "the access log cannot be written, lines lost: " in "".join(fleet.status("serving")["troubles"]))
    (inside / "filler").unlink()
    ask(20)
    wait_for(lambda: "the access log is written again; lines lost: " in server_log())
    wait_for(lambda: fleet.status("serving")["troubles"] == [])
    lines = (inside / "access.log").read_text().splitlines()
    assert lines[-1].split('"')[1].startswith("GET /") and all(line.count('"') == 6 for line in lines[-10:])
    assert fleet.status("serving")["workers"] == workers
