"""Another generation's program, started by the server that serves."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from client import generation
from fleet import Fleet, bundle_of, wait_for

Document = dict[str, Any]


def test_a_program_is_spawned_as_a_trial_and_takes_over(fleet: Fleet, document: Document, port: int, program: Path) -> None:
    first = fleet.start({**document, "generation": 1})
    assert fleet.ask("serving", "spawn", program=str(program), bundle=bundle_of({**document, "generation": 2})) == {"ok": True}
    trial = fleet.status("trial")
    assert (trial["generation"], trial["role"]) == (2, "trial")
    assert _parent(trial["pid"]) != first.pid
    assert fleet.ask("trial", "take-over")["status"]["pid"] == trial["pid"] and generation(port) == 2
    fleet.ask("serving", "stop")
    wait_for(lambda: not fleet.answers("serving"))
    assert not [each for each in Path("/proc").glob("[0-9]*/stat") if f") Z {first.pid} " in _text(each)], "no child is left unwaited for"


def test_what_the_spawned_program_tells_is_answered(fleet: Fleet, document: Document, port: int, program: Path) -> None:
    fleet.start(document)
    bad = bundle_of({**document, "policy": {**document["policy"], "groups": ["X25519", "nonsense"]}})
    assert fleet.ask("serving", "spawn", program=str(program), bundle=bad)["error"]["code"] == "policy-refused"
    with socket.create_server(("127.0.0.1", 0)) as other:
        changed = {**document, "listen": [f"127.0.0.1:{other.getsockname()[1]}"]}
        told = fleet.ask("serving", "spawn", program=str(program), bundle=bundle_of(changed))["error"]
    assert (told["code"], told["errno"]) == ("port-in-use", "EADDRINUSE")
    program.write_text("#!/bin/sh\necho 'no luck' >&2\nexit 3\n")
    told = fleet.ask("serving", "spawn", program=str(program), bundle=bundle_of(document))["error"]
    assert told["code"] == "spawn-refused" and "ended with 3: no luck" in told["message"]
    assert not fleet.answers("trial") and generation(port) == 7


@pytest.mark.parametrize("fault", ["group may write", "others may write", "another owner", "a folder", "missing", "relative", "a link to a bad one"])
def test_a_program_that_others_could_have_made_is_not_run(fleet: Fleet, document: Document, port: int, program: Path, fault: str) -> None:
    fleet.start(document)
    asked, message = str(program), "may be changed by others"
    if fault == "group may write":
        program.chmod(0o775)
    elif fault in ("others may write", "a link to a bad one"):
        program.chmod(0o757)
        if fault != "others may write":
            link = program.with_name("link")
            link.symlink_to(program)
            asked = str(link)
    elif fault == "another owner":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        os.chown(program, 12345, 12345)
        message = "belongs to uid 12345"
    elif fault == "a folder":
        asked, message = str(program.parent), "is not a regular file"
        program.parent.chmod(0o755)
    elif fault == "missing":
        asked, message = "/none/tlsforge-server", "cannot be read"
    else:
        asked, message = "tlsforge-server", "spawn-refused"
    told = fleet.ask("serving", "spawn", program=asked, bundle=bundle_of(document))["error"]
    assert told["code"] == "spawn-refused" and (message in told["message"] or message == told["code"])
    assert not fleet.answers("trial")


def _parent(pid: int) -> int:
    return int(_text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[1])


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
