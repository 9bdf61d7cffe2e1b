"""What the tests share: a small authority, configurations, and servers on loopback.

By default they run with the cryptography wheel. With TLSFORGE_TEST_LIBSSL, the path of the libssl that a stack's cryptography is
linked to, they run as in production.
"""

from __future__ import annotations

import os
import sys

# Byte code beside the sources would be an input of the recipe's build.
sys.dont_write_bytecode = True

import wheel  # noqa: E402

LIBSSL = os.environ.get("TLSFORGE_TEST_LIBSSL")
if LIBSSL is None:
    wheel.configure()

import copy  # noqa: E402
import json  # noqa: E402
import shlex  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from behinds import Behind  # noqa: E402
from fleet import Fleet, free_port  # noqa: E402
from pki import Authority  # noqa: E402
from proxied import Proxied  # noqa: E402
from tlsforge_server.tls.libssl import LibSsl, open_mapped  # noqa: E402

HERE = Path(__file__).parent

POLICY: dict[str, Any] = {
    "profile": "intermediate",
    "minVersion": "TLSv1.2",
    "maxVersion": "TLSv1.3",
    "ciphers": [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ],
    "ciphersuites": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    "groups": ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"],
    "signatureAlgorithms": [
        "ecdsa_secp256r1_sha256",
        "ecdsa_secp384r1_sha384",
        "ed25519",
        "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha384",
        "rsa_pss_rsae_sha512",
        "rsa_pkcs1_sha256",
    ],
    "preference": "client",
    "options": ["NO_COMPRESSION", "NO_RENEGOTIATION", "NO_TICKET"],
    "tickets": None,
    "dhe": None,
    "alpn": ["http/1.1"],
}


@pytest.fixture(scope="session")
def libssl() -> LibSsl:
    return wheel.WheelLibSsl(Path("/wheel")) if LIBSSL is None else open_mapped(Path(LIBSSL))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def document(tmp_path: Path, authority: Authority) -> dict[str, Any]:
    """A configuration that is right, with certificates of both sorts, as JSON data to change at will."""
    (tmp_path / "run").mkdir()
    return {
        "schema": "tlsforge.server/1",
        "generation": 7,
        "policy": copy.deepcopy(POLICY),
        "listen": ["127.0.0.1:0"],
        "redirect": ["127.0.0.1:0"],
        "names": ["localhost", "www.example.org"],
        "certificates": [
            authority.leaf("ecdsa").write(tmp_path / "ecdsa"),
            authority.leaf("rsa").write(tmp_path / "rsa"),
        ],
        "hsts": {"maxAge": 63072000, "includeSubdomains": True, "preload": False},
        "sni": "default",
        "ocsp": "auto",
        "app": {"kind": "about"},
        "accessLog": False,
        "workers": 1,
        "limits": {},
        "paths": {"run": str(tmp_path / "run"), "state": str(tmp_path / "state"), "log": str(tmp_path / "log")},
        "user": None,
        "standBySeconds": 600,
        "libssl": LIBSSL or "/wheel",
        "about": {"openssl": "3.5.7", "<twisted>": "26 & up"},
    }


class Running:
    """A server in a process of its own."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self.path = path
        self.document = document
        self.control_path = f"{document['paths']['run']}/server.sock"
        self.write()
        self.process = subprocess.Popen([*COMMAND, "--config", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def write(self) -> None:
        self.path.write_text(json.dumps(self.document), encoding="utf-8")

    def wait_ready(self) -> Running:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                assert self.process.stderr is not None
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.process.stderr.read()}")
            try:
                if self.ask("status")["status"]["pid"] == self.process.pid:
                    return self
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.02)
        raise AssertionError("the server is not ready in time")

    def ask(self, command: str) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(self.control_path)
            client.sendall(json.dumps({"command": command}).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                chunk = client.recv(65536)
                assert chunk, "the control socket closed without an answer"
                text += chunk
        answer: dict[str, Any] = json.loads(text)
        return answer

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("status")["status"]
        return answer

    def port(self, kind: str = "listen") -> int:
        return int(self.status()[kind][0].rpartition(":")[2])

    def ended(self) -> tuple[int, str]:
        _out, errors = self.process.communicate(timeout=15)
        return self.process.returncode, errors

    def log(self) -> str:
        return Path(self.document["paths"]["log"]).read_text(encoding="utf-8")


_STACK = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tlsforge_server.__main__ import main; sys.exit(main(sys.argv[1:]))"
COMMAND = (
    [sys.executable, "-I", "-B", str(HERE / "launch_wheel.py")]
    if LIBSSL is None
    else [sys.executable, "-I", "-B", "-c", _STACK, str(HERE.parent / "src")]
)


@pytest.fixture
def start(tmp_path: Path, document: dict[str, Any]) -> Iterator[Callable[..., Running]]:
    """Starts servers; ends those that are left by their process id."""
    started: list[Running] = []

    def run(changed: dict[str, Any] | None = None) -> Running:
        running = Running(tmp_path / f"config-{len(started)}.json", changed or document)
        started.append(running)
        return running

    yield run
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


@pytest.fixture
def fleet(document: dict[str, Any]) -> Iterator[Fleet]:
    """Processes of the document's run folder."""
    made = Fleet(COMMAND, Path(document["paths"]["run"]))
    yield made
    made.close()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that is started as a generation's is."""
    path = tmp_path / "tlsforge-server"
    words = " ".join(shlex.quote(word) for word in COMMAND)
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def port(document: dict[str, Any]) -> int:
    """One that every generation of the test serves."""
    chosen = free_port()
    document["listen"] = [f"127.0.0.1:{chosen}"]
    document["redirect"] = []
    return chosen


@pytest.fixture
def behind(document: dict[str, Any], tmp_path: Path) -> Iterator[Callable[..., Behind]]:
    """Starts an application behind the endpoint."""
    path = tmp_path / "behind.json"
    path.write_text(json.dumps(document))
    made: list[Behind] = []

    def run(application: str = "commanded", **limits: float) -> Behind:
        made.append(Behind(path, application, **limits))
        return made[-1]

    yield run
    for each in made:
        each.end()


@pytest.fixture
def served(document: dict[str, Any], tmp_path: Path, behind: Callable[..., Behind]) -> Callable[..., Behind]:
    """Starts a configured application behind the endpoint."""

    def run(app: dict[str, Any], *, log: bool = False, **limits: float) -> Behind:
        document.update({"app": app, "accessLog": log})
        (tmp_path / "behind.json").write_text(json.dumps(document))
        return behind("served", **limits)

    return run


@pytest.fixture
def proxy(served: Callable[..., Behind]) -> Iterator[Proxied]:
    made = Proxied(served)
    yield made
    made.close()
