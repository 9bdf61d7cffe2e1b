"""Where a server's configuration and certificates come from, and that each source is taken whole or refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from client import connected, get
from conftest import COMMAND
from fleet import Fleet, bundle_of, refusal, wait_for
from pki import Authority
from tlsforge_server.config import sources
from tlsforge_server.errors import ServerError

Document = dict[str, Any]


def port_of(fleet: Fleet) -> int:
    return int(fleet.status("serving")["listen"][0].rpartition(":")[2])


def test_a_bundle_needs_no_file(fleet: Fleet, document: Document) -> None:
    for pair in document["certificates"]:
        shutil.copytree(Path(pair["key"]).parent, Path(pair["key"]).parent.with_suffix(".kept"))
    bundle = bundle_of(document)
    fleet.start(document)
    for pair in document["certificates"]:
        for path in pair.values():
            Path(path).unlink()
    with connected(port_of(fleet)) as connection:
        assert get(connection)[0] == 200
    assert fleet.ask("serving", "reload")["error"]["code"] == "reload-refused"
    assert "no files to read again" in fleet.status("serving")["lastError"]
    answer = fleet.ask("serving", "reload", bundle=bundle)
    assert answer["ok"] is True and answer["status"]["lastError"] is None


def test_a_bundle_at_a_reload_exchanges_certificates(fleet: Fleet, document: Document, authority: Authority, tmp_path: Path) -> None:
    process = fleet.start(document)
    before = [each["chainSha256"] for each in fleet.status("serving")["certificates"]]
    for kind in ("ecdsa", "rsa"):
        authority.leaf(kind, end=timedelta(days=70)).write(tmp_path / kind)
    status = fleet.ask("serving", "reload", bundle=bundle_of({**document, "generation": 8}))["status"]
    assert status["generation"] == 8 and status["pid"] == process.pid
    assert not set(before) & {each["chainSha256"] for each in status["certificates"]}
    with connected(port_of(fleet)) as connection:
        assert connection.get_peer_cert_chain() is not None and get(connection)[0] == 200
        assert len(connection.get_peer_cert_chain() or []) == 2, "the intermediate is sent"
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: fleet.status("serving")["lastError"] is not None)
    changes: list[Document] = [{"user": {"name": "a", "uid": 1, "gid": 1}}, {"standBySeconds": 1}, {"redirect": []}]
    for changed in changes:
        error = fleet.ask("serving", "reload", bundle=bundle_of({**document, **changed}))["error"]
        assert error["code"] == "reload-refused"
        assert error["hint"].startswith("run tlsforge provision")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda bundle: bundle["files"].popitem(), "the bundle's files lack /"),
        (lambda bundle: bundle.pop("files"), "the bundle must be"),
        (lambda bundle: bundle.update(more=1), "the bundle must be"),
        (lambda bundle: bundle.update(config={}), "the bundle must be"),
        (lambda bundle: bundle["files"].update(x=1), "the bundle must be"),
        (lambda bundle: bundle.update(config="{"), "the bundle's config is not valid JSON"),
    ],
)
def test_a_bundle_is_taken_whole_or_not_at_all(document: Document, change: Any, message: str) -> None:
    bundle = bundle_of(document)
    change(bundle)
    with pytest.raises(ServerError) as refused:
        sources.parse_bundle(json.dumps(bundle).encode())
    assert refused.value.code == "config-invalid" and message in refused.value.message


def test_a_bundle_that_is_too_long_or_no_json_is_refused() -> None:
    for raw, message in ((b" " * (sources.BUNDLE_LIMIT + 1), "longer than"), (b"{", "not valid JSON"), (b"[]", "must be")):
        with pytest.raises(ServerError, match=message):
            sources.parse_bundle(raw)


def test_a_missing_file_of_a_bundle_refuses_the_start(fleet: Fleet, document: Document) -> None:
    process = subprocess.Popen([*COMMAND, "--bundle"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    fleet.processes.append(process)
    bundle = bundle_of(document)
    lost = document["certificates"][1]["key"]
    del bundle["files"][lost]
    assert process.stdin is not None
    process.stdin.write(json.dumps(bundle))
    process.stdin.close()
    process.stdin = None
    told = refusal(process)
    assert told["code"] == "config-invalid" and lost in told["message"]


def credentials(document: Document, folder: Path) -> Path:
    """A folder as systemd makes it: names of its own, readable by the service alone."""
    folder.mkdir()
    named = [{"chain": f"/elsewhere/{index}.pem", "key": f"/elsewhere/{index}.key"} for index in range(len(document["certificates"]))]
    (folder / "server.json").write_text(json.dumps({**document, "certificates": named}))
    for index, pair in enumerate(document["certificates"]):
        shutil.copy(pair["chain"], folder / f"certificate-{index}.pem")
        shutil.copy(pair["key"], folder / f"certificate-{index}.key")
    return folder


def with_credentials(fleet: Fleet, folder: Path | None) -> subprocess.Popen[str]:
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(folder or "")}
    process = subprocess.Popen([*COMMAND, "--credentials"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    fleet.processes.append(process)
    return process


def test_credentials_are_read_by_their_place(fleet: Fleet, document: Document, tmp_path: Path) -> None:
    process = with_credentials(fleet, credentials(document, tmp_path / "credentials"))
    fleet.wait_pid("serving", process.pid, process)
    with connected(port_of(fleet)) as connection:
        assert get(connection)[0] == 200
    assert len(fleet.status("serving")["certificates"]) == 2
    assert fleet.ask("serving", "reload")["ok"] is True


def test_credentials_that_are_not_there_are_told(fleet: Fleet, document: Document, tmp_path: Path) -> None:
    assert refusal(with_credentials(fleet, None))["message"] == "CREDENTIALS_DIRECTORY is not set"
    assert refusal(with_credentials(fleet, tmp_path / "none"))["code"] == "config-invalid"
    folder = credentials(document, tmp_path / "credentials")
    (folder / "certificate-1.key").unlink()
    told = refusal(with_credentials(fleet, folder))
    assert told["code"] == "certificate-refused" and str(folder / "certificate-1.key") in told["message"]


def test_a_check_takes_every_source_and_leaves_nothing(document: Document, tmp_path: Path) -> None:
    folder = credentials(document, tmp_path / "credentials")
    (tmp_path / "server.json").write_text(json.dumps(document))
    bundle = json.dumps(bundle_of(document))
    for argv in (["--config", str(tmp_path / "server.json")], ["--bundle"], ["--credentials"]):
        run = subprocess.run([*COMMAND, *argv, "--check"], input=bundle, capture_output=True, text=True, check=False, env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder)})
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert list(Path(document["paths"]["run"]).iterdir()) == [] and not Path(document["paths"]["log"]).exists()


@pytest.mark.parametrize(
    "argv", [[], ["--config"], ["--bundle", "--check", "--trial"], ["--bundle", "--trial", "--trial"], ["--trial"], ["--credentials", "x"], ["--bundle", "--credentials"]]
)
def test_other_arguments_are_wrong_usage(argv: list[str]) -> None:
    run = subprocess.run([*COMMAND, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert run.returncode == 2 and json.loads(run.stderr)["error"]["code"] == "usage"


def test_a_detached_server_is_nobodys_child_and_says_when_it_is_ready(fleet: Fleet, document: Document) -> None:
    """Standard error ends when it serves; its log goes to standard output when there is no file for it."""
    document["paths"]["log"] = None
    reading, writing = os.pipe()
    process = subprocess.Popen([*COMMAND, "--bundle", "--detach"], stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, text=True)
    fleet.processes.append(process)
    os.close(writing)
    _out, errors = process.communicate(json.dumps(bundle_of(document)), timeout=20)
    assert (process.returncode, errors) == (0, "")
    began = time.monotonic()
    status = fleet.status("serving")
    assert time.monotonic() - began < 2
    stat = Path(f"/proc/{status['pid']}/stat").read_text().rpartition(")")[2].split()
    assert int(stat[1]) != os.getpid() and int(stat[3]) == status["pid"], "its own session"
    assert os.readlink(f"/proc/{status['pid']}/cwd") == "/"
    fleet.ask("serving", "stop")
    with os.fdopen(reading, encoding="utf-8") as log:
        lines = log.read()
    assert "serving, listening on" in lines and "stopped" in lines


def test_a_detached_server_tells_why_it_does_not_start(fleet: Fleet, document: Document) -> None:
    process = subprocess.Popen([*COMMAND, "--bundle", "--detach"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    fleet.processes.append(process)
    _out, errors = process.communicate(json.dumps(bundle_of({**document, "listen": ["192.0.2.1:1"]})), timeout=20)
    assert process.returncode == 0 and json.loads(errors)["error"]["errno"] == "EADDRNOTAVAIL"


def test_without_a_log_file_standard_error_has_the_lines(fleet: Fleet, document: Document) -> None:
    document["paths"]["log"] = None
    process = fleet.start(document)
    fleet.ask("serving", "stop")
    _out, errors = process.communicate(timeout=15)
    assert process.returncode == 0 and "serving, listening on" in errors and errors.rstrip().endswith("stopped")
