"""Clients of other makes against the endpoint."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from behinds import Behind
from conftest import LIBSSL

Behinds = Callable[..., Behind]

_PYTHON = """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)) as tls:
    tls.sendall(b"write 200000\\n")
    received = b""
    while data := tls.recv(65536):
        received += data
    version = tls.version()
    tls.unwrap()
print(len(received), version)
"""
_NODE = """
const tls = require("node:tls");
const socket = tls.connect({ port: Number(process.argv[1]), host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2", "http/1.1"] });
let length = 0;
socket.on("secureConnect", () => socket.write("write 200000\\n"));
socket.on("data", (data) => (length += data.length));
socket.on("end", () => console.log(length, socket.getProtocol(), socket.alpnProtocol));
"""


def openssls() -> list[str]:
    """Debian's, and the stack's."""
    own = [] if LIBSSL is None else [str(Path(LIBSSL).parent.parent / "bin" / "openssl")]
    return [name for name in ["/usr/bin/openssl", *own] if os.path.exists(name)]


def s_client(openssl: str, port: int, *options: str) -> subprocess.Popen[bytes]:
    argv = [openssl, "s_client", "-connect", f"127.0.0.1:{port}", *options]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def send(client: subprocess.Popen[bytes], text: bytes) -> None:
    assert client.stdin is not None
    client.stdin.write(text)
    client.stdin.flush()


def read_until(client: subprocess.Popen[bytes], wanted: bytes) -> bytes:
    assert client.stdout is not None
    text = b""
    while wanted not in text:
        line = client.stdout.readline()
        assert line, text.decode(errors="replace")
        text += line
    return text


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("openssl", openssls())
def test_openssl(behind: Behinds, openssl: str, version: str) -> None:
    running = behind()
    client = s_client(openssl, running.port, version, "-quiet")
    send(client, b"pieces 100\n")
    out, _ = client.communicate(timeout=20)
    assert b"".join(number.to_bytes(4, "big") for number in range(100)) in out
    assert client.returncode == 0 and running.lost() == "ConnectionDone"


@pytest.mark.parametrize("openssl", openssls())
def test_keys_are_updated(behind: Behinds, openssl: str) -> None:
    running = behind()
    client = s_client(openssl, running.port, "-tls1_3")
    send(client, b"echo\nfirst\n")
    read_until(client, b"first\n")
    for word in (b"second", b"third"):
        # One that wants ours updated too.
        send(client, b"K\n")
        read_until(client, b"KEYUPDATE")
        send(client, word + b"\n")
        read_until(client, word + b"\n")
    send(client, b"Q\n")
    client.communicate(timeout=20)
    assert running.lost() == "ConnectionDone"


@pytest.mark.parametrize("openssl", openssls())
def test_nothing_is_renegotiated(behind: Behinds, openssl: str) -> None:
    running = behind()
    client = s_client(openssl, running.port, "-tls1_2")
    send(client, b"echo\nfirst\n")
    read_until(client, b"first\n")
    send(client, b"R\n")
    assert b"no renegotiation" in client.communicate(timeout=20)[0]
    running.lost()


def test_python(behind: Behinds) -> None:
    running = behind()
    told = subprocess.run([sys.executable, "-c", _PYTHON, str(running.port)], capture_output=True, text=True, timeout=20, check=True)
    assert told.stdout.split() == ["200000", "TLSv1.3"]
    assert running.lost() == "ConnectionDone"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_node(behind: Behinds) -> None:
    running = behind()
    told: Any = subprocess.run(["node", "-e", _NODE, str(running.port)], capture_output=True, text=True, timeout=20, check=True)
    assert told.stdout.split() == ["200000", "TLSv1.3", "http/1.1"]
    assert running.lost() == "ConnectionDone"


@pytest.mark.skipif(shutil.which("gnutls-cli") is None, reason="needs gnutls-cli")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls(behind: Behinds, version: str) -> None:
    running = behind()
    priority = f"NORMAL:-VERS-ALL:+VERS-TLS{version}"
    argv = ["gnutls-cli", "--insecure", "--priority", priority, "--port", str(running.port), "127.0.0.1"]
    told = subprocess.run(argv, input=b"write 200000\n", capture_output=True, timeout=20, check=True)
    assert len(told.stdout) > 200_000 and f"Description: (TLS{version}-".encode() in told.stdout
    assert running.lost() == "ConnectionDone"
