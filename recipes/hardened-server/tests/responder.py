"""Responders on loopback: the one of OpenSSL, and one that does what it is told, which is mostly wrong."""

from __future__ import annotations

import re
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from conftest import LIBSSL
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from ocsp_pki import Answering, Signer

#: What happens on a connection; the request has been read.
Behaviour = Callable[[socket.socket], None]

OPENSSL = str(Path(LIBSSL).parents[1] / "bin" / "openssl") if LIBSSL is not None else shutil.which("openssl") or "openssl"


class Misbehaving(socketserver.ThreadingTCPServer):
    """``behaviour`` may be changed at any time. ``asked`` counts the requests."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.behaviour: Behaviour = status(500)
        self.asked = 0
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ocsp"


class _Handler(socketserver.BaseRequestHandler):
    server: Misbehaving

    def handle(self) -> None:
        text = b""
        while b"\r\n\r\n" not in text or len(text.partition(b"\r\n\r\n")[2]) < int(re.findall(rb"(?i)content-length: (\d+)", text)[0]):
            chunk = self.request.recv(65536)
            if not chunk:
                return
            text += chunk
        self.server.asked += 1
        try:
            self.server.behaviour(self.request)
        except OSError:
            # The client has had enough.
            pass
        self.server.ended.set()


@contextmanager
def misbehaving(port: int = 0) -> Iterator[Misbehaving]:
    server = Misbehaving(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(body: bytes) -> Behaviour:
    return lambda client: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def status(code: int, *headers: str) -> Behaviour:
    lines = "".join(f"{header}\r\n" for header in headers)
    return lambda client: client.sendall(f"HTTP/1.1 {code} Because\r\n{lines}Content-Length: 5\r\n\r\nhello".encode())


def endless(head: bytes, repeated: bytes) -> Behaviour:
    """Sends on and on, as fast as it is taken: 200 MB at the most."""

    def send(client: socket.socket) -> None:
        client.sendall(head)
        for _ in range(200 * 1024 * 1024 // len(repeated)):
            client.sendall(repeated)

    return send


def drips(body: bytes, seconds: float) -> Behaviour:
    """A byte at a time."""

    def send(client: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body):
            client.sendall(bytes([byte]))
            time.sleep(seconds)

    return send


def stalls_after(beginning: bytes) -> Behaviour:
    """Says nothing more until the client goes."""

    def send(client: socket.socket) -> None:
        client.sendall(beginning)
        client.settimeout(30)
        client.recv(1)

    return send


def closes(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_RDWR)


def write_files(folder: Path, authority: Answering, signer: Signer, leaf: x509.Certificate, *, revoked: datetime | None = None) -> None:
    """What ``openssl ocsp`` answers from: its index, the authority's certificate, the signer's and its key."""
    folder.mkdir(exist_ok=True)
    (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "signer.pem").write_bytes(signer.certificate.public_bytes(serialization.Encoding.PEM))
    key = signer.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "signer.key").write_bytes(key)
    state, when = ("R", f"{revoked:%y%m%d%H%M%S}Z,keyCompromise") if revoked else ("V", "")
    serial = f"{leaf.serial_number:X}"
    line = (state, f"{leaf.not_valid_after_utc:%y%m%d%H%M%S}Z", when, serial.zfill(len(serial) + len(serial) % 2), "unknown", "/CN=leaf")
    (folder / "index.txt").write_text("\t".join(line) + "\n")


def openssl_answer(folder: Path, request: bytes, *options: str) -> bytes:
    """What OpenSSL's responder says to a request, without a network."""
    (folder / "request.der").write_bytes(request)
    subprocess.run([*_command(folder), "-reqin", "request.der", "-respout", "response.der", *options], cwd=folder, check=True, capture_output=True, timeout=30)
    return (folder / "response.der").read_bytes()


@contextmanager
def openssl_responder(folder: Path, port: int, *options: str) -> Iterator[None]:
    """OpenSSL's responder, which has no way to say on which address."""
    process = subprocess.Popen([*_command(folder), "-port", str(port), *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert b"ACCEPT" in told, told
        yield
    finally:
        process.kill()
        process.communicate()


def _command(folder: Path) -> list[str]:
    assert (folder / "index.txt").exists()
    return [OPENSSL, "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"]
