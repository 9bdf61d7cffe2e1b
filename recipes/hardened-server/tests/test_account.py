"""Started by root, it serves as another user, and without any privilege once it has bound."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import COMMAND, HERE
from fleet import Fleet, bundle_of, refusal

Document = dict[str, Any]
UID = GID = 54321

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def as_service(document: Document, fleet: Fleet) -> Iterator[Document]:
    """The document with a user, and a fleet whose program, run folder and log that user can reach."""
    with tempfile.TemporaryDirectory(prefix="tlsforge-account-") as name:
        yield prepared(document, fleet, Path(name))
        fleet.close()


def prepared(document: Document, fleet: Fleet, base: Path) -> Document:
    shutil.copytree(HERE.parent, base, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", str(base)], check=True)
    command = [word.replace(str(HERE.parent), str(base)) for word in COMMAND]
    if not runs_as_the_user(command[0]):
        pytest.skip("needs a Python that other users can run")
    (base / "run").mkdir()
    os.chown(base / "run", UID, GID)
    program = base / "tlsforge-server"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o755)
    fleet.use(command, base / "run")
    document["paths"] = {"run": str(base / "run"), "state": str(base / "state"), "log": str(base / "server.log")}
    document["user"] = {"name": "tlsforge-test", "uid": UID, "gid": GID}
    document["redirect"] = []
    return document


def runs_as_the_user(python: str) -> bool:
    look = [python, "-c", "import twisted, OpenSSL"]
    try:
        return subprocess.run(look, user=UID, group=GID, extra_groups=[], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def fields(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def assert_unprivileged(pid: int) -> None:
    found = fields(pid)
    assert set(found["Uid"].split()) == {str(UID)} and set(found["Gid"].split()) == {str(GID)}
    assert found["Groups"] == ""
    assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert found["NoNewPrivs"] == "1"
    for task in Path(f"/proc/{pid}/task").iterdir():
        assert "CapEff:\t0000000000000000" in (task / "status").read_text()


@needs_root
@pytest.mark.parametrize("as_whom", ["started by root", "reloaded by the user"])
def test_a_folder_that_the_user_cannot_look_at_is_told(fleet: Fleet, as_service: Document, as_whom: str) -> None:
    folder = Path(as_service["paths"]["run"]).parent / "closed" / "site"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    changed = {**as_service, "app": {"kind": "static", "directory": str(folder)}}
    if as_whom == "started by root":
        told = refusal(fleet.start(changed, wait=False))
    else:
        fleet.start(as_service)
        told = fleet.ask("serving", "reload", bundle=bundle_of(changed))["error"]
    assert (told["code"], told["message"]) == ("app-refused", f"{folder} cannot be looked at: Permission denied")
    assert str(UID) in told["hint"] and "chmod o+x" in told["hint"]


@needs_root
def test_root_becomes_the_user_and_keeps_no_capability(fleet: Fleet, as_service: Document) -> None:
    process = fleet.start({**as_service, "generation": 1})
    assert fleet.status("serving")["user"] == str(UID)
    assert_unprivileged(process.pid)
    for each in (*fleet.run.iterdir(), Path(as_service["paths"]["log"])):
        found = each.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (UID, 0o600), each
    assert fleet.ask("serving", "reload", bundle=bundle_of({**as_service, "generation": 2}))["ok"] is True
    spawned = fleet.ask("serving", "spawn", program=str(fleet.run.parent / "tlsforge-server"), bundle=bundle_of({**as_service, "generation": 3}))
    assert spawned == {"ok": True}
    taken = fleet.ask("trial", "take-over")["status"]
    assert (taken["generation"], taken["user"]) == (3, str(UID))
    assert_unprivileged(taken["pid"])


@needs_root
def test_a_low_port_is_bound_as_the_user(fleet: Fleet, as_service: Document) -> None:
    """In a network namespace of its own, where the limit is the kernel's default."""
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to make a network namespace")
    fleet.prefix = ["unshare", "-n", "sh", "-c", 'echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start; exec "$@"', "sh"]
    process = fleet.start({**as_service, "listen": ["0.0.0.0:443"]})
    assert fleet.status("serving")["listen"] == ["0.0.0.0:443"]
    assert_unprivileged(process.pid)
    inside = Path(f"/proc/{process.pid}/root/proc/{process.pid}/net/tcp").read_text()
    assert ":01BB" in inside
    fleet.ask("serving", "stop")
    assert process.wait(10) == 0
    # The same user without the capability: what is tested is not the namespace.
    fleet.prefix = [*fleet.prefix, "setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", "--bounding-set=-all"]
    told = refusal(fleet.start({**as_service, "listen": ["0.0.0.0:443"]}, wait=False))
    assert (told["code"], told["errno"]) == ("bind-refused", "EACCES")


@needs_root
def test_who_is_neither_root_nor_the_user_is_refused(fleet: Fleet, as_service: Document) -> None:
    other = {"name": "other", "uid": UID + 1, "gid": GID + 1}
    Path(as_service["paths"]["log"]).touch()
    os.chown(as_service["paths"]["log"], UID, GID)
    process = fleet.start({**as_service, "user": other}, wait=False, user=UID, group=GID, extra_groups=[])
    told = refusal(process)
    assert told["code"] == "user-refused" and "other (uid 54322)" in told["message"]
    process = fleet.start(as_service, user=UID, group=GID, extra_groups=[])
    assert fleet.status("serving")["user"] == str(UID)
