"""Another generation's program, started by the server that serves."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from client import generation
from family import children
from fleet import Fleet, bundle_of, wait_for
from tlsforge_server import __main__
from tlsforge_server import options
from tlsforge_server.process import spawn
from tlsforge_server.errors import ServerError

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
    for script, message in [("exit 0", "ended before it was ready, without a word"), ("kill -9 $$", "was ended by signal 9, without a word")]:
        program.write_text(f"#!/bin/sh\n{script}\n")
        told = fleet.ask("serving", "spawn", program=str(program), bundle=bundle_of(document))["error"]
        assert told["code"] == "spawn-refused" and told["message"].endswith(message)
    assert not fleet.answers("trial") and generation(port) == 7


def test_a_stop_in_the_middle_of_it_is_a_stop(fleet: Fleet, document: Document, port: int, program: Path) -> None:
    process = fleet.start(document)
    program.write_text("#!/bin/sh\nexec sleep 50\n")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(fleet.socket("serving")))
        client.sendall(json.dumps({"command": "spawn", "program": str(program), "bundle": bundle_of(document)}).encode() + b"\n")
        wait_for(lambda: any(b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(process.pid)))
        began = time.monotonic()
        process.terminate()
        assert process.wait(20) == 0 and time.monotonic() - began < 5


def test_a_detached_process_that_does_not_get_ready_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows its process id: as long as it hangs before it has its names, nobody can end it."""
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.close(read)
            monkeypatch.setattr(options, "READY_SECONDS", 1)
            monkeypatch.setattr(os, "_exit", lambda _code: os.kill(os.getpid(), signal.SIGKILL))
            __main__._detach()
            time.sleep(30)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(write)
    os.wait()
    began = time.monotonic()
    with open(read, "rb") as pipe:
        assert pipe.read() == b""
    assert 0.5 < time.monotonic() - began < 10


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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("fault", ["a folder of another's", "a folder that others may write to", "a sticky one", "another's link in a sticky one", "links without end"])
def test_a_program_below_a_folder_that_others_can_change_is_not_run(tmp_path: Path, fault: str) -> None:
    between = tmp_path / "between"
    store = between / "store"
    store.mkdir(parents=True)
    program = store / "tlsforge-server"
    program.write_text("")
    program.chmod(0o755)
    assert spawn.checked(str(program)) == str(program)
    asked, message = program, "may be changed by others (mode 0777)"
    if fault == "a folder of another's":
        os.chown(between, 12345, 12345)
        message = f"{between} belongs to uid 12345"
    elif fault == "a folder that others may write to":
        between.chmod(0o777)
    else:
        between.chmod(0o1777)
        assert spawn.checked(str(program)) == str(program)
        asked = between / "link"
        if fault == "links without end":
            asked.symlink_to(asked)
            message = "more than 40 links"
        else:
            asked.symlink_to("store/../store/tlsforge-server")
            assert spawn.checked(str(asked)) == str(program)
            os.lchown(asked if fault != "a sticky one" else store, 12345, 12345)
            message = "belongs to uid 12345"
    with pytest.raises(ServerError) as refused:
        spawn.checked(str(asked))
    assert refused.value.code == "spawn-refused" and message in refused.value.message


def _parent(pid: int) -> int:
    return int(_text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[1])


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
