"""The server as it runs: what it accepts and refuses on the wire, and how it is started, reloaded and stopped."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from client import answer, connected, get, refused
from conftest import Running
from OpenSSL import SSL
from pki import Authority
from tlsforge_server.tls.loopback import client_context

Start = Callable[..., Running]
Document = dict[str, Any]


def running_folder(document: Document) -> Path:
    return Path(document["paths"]["run"])


def test_it_accepts_the_policy_and_refuses_the_rest(start: Start, document: Document) -> None:
    port = start().wait_ready().port()
    for suite in document["policy"]["ciphersuites"]:
        with connected(port, version="TLSv1.3", ciphersuites=[suite]) as connection:
            assert connection.get_cipher_name() == suite
    for cipher in document["policy"]["ciphers"]:
        with connected(port, version="TLSv1.2", ciphers=[cipher]) as connection:
            assert connection.get_cipher_name() == cipher
    for group in document["policy"]["groups"]:
        with connected(port, version="TLSv1.3", groups=[group]) as connection:
            assert get(connection)[0] == 200
    assert refused(port, version="TLSv1.1") != ""
    assert refused(port, version="TLSv1.3", groups=["secp521r1", "X448"]) != ""
    assert refused(port, version="TLSv1.2", ciphers=["AES128-SHA", "ECDHE-RSA-AES128-SHA", "@SECLEVEL=0"]) != ""
    with connected(port, ciphersuites=list(reversed(document["policy"]["ciphersuites"]))) as connection:
        assert connection.get_cipher_name() == document["policy"]["ciphersuites"][-1], "the client's order decides"


def test_alpn(start: Start) -> None:
    port = start().wait_ready().port()
    with connected(port, alpn=["h2", "http/1.1"]) as connection:
        assert connection.get_alpn_proto_negotiated() == b"http/1.1"
        assert get(connection)[0] == 200
    with connected(port) as connection:
        assert connection.get_alpn_proto_negotiated() == b""
        assert get(connection)[0] == 200
    assert "no application protocol" in refused(port, alpn=["h2", "foo"])


def test_nothing_follows_a_handshake(start: Start) -> None:
    """A session ticket would be bytes that the server sends of itself."""
    port = start().wait_ready().port()
    with socket.create_connection(("127.0.0.1", port)) as tcp:
        tcp.settimeout(None)
        connection = SSL.Connection(client_context(version="TLSv1.3"), tcp)
        connection.set_connect_state()
        connection.do_handshake()
        tcp.settimeout(0.5)
        with pytest.raises(TimeoutError):
            tcp.recv(1, socket.MSG_PEEK)


def test_every_answer_carries_the_headers(start: Start) -> None:
    with connected(start().wait_ready().port()) as connection:
        for method, path, status in [("GET", "/", 200), ("HEAD", "/", 200), ("GET", "/none", 404), ("POST", "/", 405), ("GET", "/../etc/passwd", 404), ("OPTIONS", "*", 200), ("BREW", "/", 501)]:
            code, headers, body = get(connection, path, method=method, headers=("Content-Length: 0",))
            assert code == status, path
            assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "server" not in headers
            if (method, path) == ("GET", "/"):
                assert b"&lt;twisted&gt;" in body and b"26 &amp; up" in body and b"<twisted>" not in body


def test_plain_http_is_redirected(start: Start) -> None:
    running = start().wait_ready()
    plain, secure = running.port("redirect"), running.port()

    def ask(host: str, path: str, method: str = "GET") -> tuple[int, dict[str, str]]:
        with socket.create_connection(("127.0.0.1", plain)) as tcp:
            tcp.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
            return answer(tcp, method)[:2]

    status, headers = ask("www.example.org", "/a?b=c")
    assert (status, headers["location"]) == (301, f"https://www.example.org:{secure}/a?b=c")
    assert "strict-transport-security" not in headers
    assert ask("WWW.EXAMPLE.ORG:80", "/")[1]["location"] == f"https://www.example.org:{secure}/"
    assert ask("evil.example", "//evil.example/x")[1]["location"] == f"https://localhost:{secure}//evil.example/x"
    assert ask("localhost", "/", "POST")[0] == 308


def test_the_control_socket_is_private_and_strict(start: Start, document: Document) -> None:
    running = start().wait_ready()
    assert stat.S_IMODE(os.stat(running_folder(document) / "server.sock").st_mode) == 0o600
    status = running.status()
    assert status["pid"] == running.process.pid and len(status["workers"]) == 1 and running.process.pid not in status["workers"]
    assert status["generation"] == 7 and status["lastError"] is None
    assert [each["names"] for each in status["certificates"]] == [["localhost", "www.example.org", "127.0.0.1"]] * 2
    assert status["policy"]["noNewPrivileges"] == "in force"
    assert status["policy"]["memoryDenyWriteExecute"].startswith(("in force", "not in force: "))
    assert running.ask("halt")["error"]["code"] == "usage"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(running_folder(document) / "server.sock"))
        client.sendall(b"\xff{]\n" + b'{"command": "status", "more": 1}\n')
        assert client.recv(65536).count(b'"ok": false') >= 1
    assert "listening on" in running.log() and "noNewPrivileges in force" in running.log()


def test_reload_changes_the_certificate_under_live_connections(start: Start, document: Document, authority: Authority, tmp_path: Path) -> None:
    running = start().wait_ready()
    port = running.port()
    old = running.status()
    with connected(port, ciphersuites=["TLS_AES_128_GCM_SHA256"]) as before:
        serial = _serial(before)
        for kind in ("ecdsa", "rsa"):
            authority.leaf(kind, end=timedelta(days=80), names=("new.example.org",)).write(tmp_path / kind)
        document["names"] = ["new.example.org"]
        document["generation"] = 8
        running.write()
        status = running.ask("reload")["status"]
        assert status["generation"] == 8
        assert status["certificates"][0]["names"][0] == "new.example.org"
        told = [each["chainSha256"] for each in status["certificates"]]
        assert told == [hashlib.sha256(Path(each["chain"]).read_bytes()).hexdigest() for each in document["certificates"]]
        assert told != [each["chainSha256"] for each in old["certificates"]]
        assert status["certificates"][0]["sha256"] != old["certificates"][0]["sha256"]
        assert get(before)[0] == 200
        with connected(port) as after:
            assert _serial(after) != serial
            assert b"new.example.org" in get(after)[2]
        assert get(before)[0] == 200


def test_a_certificate_that_loses_a_name_of_the_site_is_not_taken(start: Start, document: Document, authority: Authority, tmp_path: Path) -> None:
    document["certificates"] = [authority.leaf("ecdsa").write(tmp_path / "both")]
    document["names"].append("more.example.org")
    running = start().wait_ready()
    assert running.status()["troubles"] == (told := ["no certificate answers for more.example.org, which the configuration names"])
    assert told[0] in running.log()
    authority.leaf("ecdsa", names=("localhost", "other.example.org")).write(tmp_path / "both")
    refused = running.ask("reload")["error"]
    assert refused["code"] == "certificate-refused"
    assert refused["message"] == "no certificate answers for www.example.org, and one that is served does"
    assert running.status()["lastError"] == refused["message"] and running.status()["certificates"][0]["names"][1] == "www.example.org"
    document["names"] = ["localhost"]
    running.write()
    status = running.ask("reload")["status"]
    assert (status["troubles"], status["certificates"][0]["names"][1]) == ([], "other.example.org")


def test_a_bad_reload_changes_nothing(start: Start, document: Document, authority: Authority, tmp_path: Path) -> None:
    running = start().wait_ready()
    port = running.port()
    with connected(port) as before:
        serial = _serial(before)
    key = Path(document["certificates"][0]["key"])
    good = key.read_bytes()
    key.write_bytes(Path(document["certificates"][1]["key"]).read_bytes())
    refusal = running.ask("reload")
    assert refusal["ok"] is False and refusal["error"]["code"] == "certificate-refused"
    assert "does not belong to the certificate" in running.status()["lastError"]
    assert "reload refused" in running.log()
    with connected(port) as after:
        assert _serial(after) == serial and get(after)[0] == 200
    key.write_bytes(good)
    assert running.ask("reload")["status"]["lastError"] is None
    changes: list[tuple[Document, str]] = [
        ({"listen": ["127.0.0.1:1"]}, "reload-refused"),
        ({"policy": {**document["policy"], "groups": ["X25519", "nonsense"]}}, "policy-refused"),
        ({"extra": 1}, "config-invalid"),
        ({"app": {"kind": "static", "directory": "/dev/null/none"}}, "app-refused"),
    ]
    for change, code in changes:
        running.path.write_text(json.dumps({**document, **change}))
        assert running.ask("reload")["error"]["code"] == code
        with connected(port) as after:
            assert get(after)[0] == 200


def test_sighup_reloads(start: Start, document: Document) -> None:
    running = start().wait_ready()
    document["generation"] = 9
    running.write()
    running.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while running.status()["generation"] != 9 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.status()["generation"] == 9


@pytest.mark.parametrize("how", ["command", "SIGTERM", "SIGINT"])
def test_it_stops_cleanly(start: Start, document: Document, how: str) -> None:
    running = start().wait_ready()
    with connected(running.port()) as idle:
        assert get(idle)[0] == 200
        began = time.monotonic()
        if how == "command":
            assert running.ask("stop") == {"ok": True}
        else:
            running.process.send_signal(signal.Signals[how])
        with pytest.raises(SSL.ZeroReturnError):
            idle.recv(1)
        idle.shutdown()
        code, errors = running.ended()
        assert (code, errors) == (0, "")
        assert time.monotonic() - began < 3
    assert not (running_folder(document) / "server.pid").exists()
    assert not (running_folder(document) / "server.sock").exists()


def test_who_has_just_connected_is_answered_before_the_stop(start: Start) -> None:
    running = start().wait_ready()
    with connected(running.port()) as fresh:
        running.ask("stop")
        time.sleep(0.3)
        status, headers, _ = get(fresh)
        assert (status, headers["connection"]) == (200, "close")
        assert running.ended()[0] == 0


def test_a_client_that_never_closes_does_not_hold_up_the_stop(start: Start) -> None:
    running = start().wait_ready()
    with connected(running.port()), socket.create_connection(("127.0.0.1", running.port())):
        began = time.monotonic()
        running.ask("stop")
        assert running.ended()[0] == 0
        assert time.monotonic() - began < 8


def error_of(running: Running) -> dict[str, Any]:
    code, errors = running.ended()
    assert code == 1
    assert len(errors.strip().splitlines()) == 1, errors
    told: dict[str, Any] = json.loads(errors)["error"]
    return told


def test_a_port_in_use_is_told_with_its_errno(start: Start, document: Document) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        told = error_of(start({**document, "listen": [f"127.0.0.1:{port}"]}))
    assert told["code"] == "port-in-use"
    assert (told["errno"], told["listen"], told["port"]) == ("EADDRINUSE", f"127.0.0.1:{port}", port)
    assert not (running_folder(document) / "server.pid").exists()


def test_an_address_of_another_machine_is_told(start: Start, document: Document) -> None:
    told = error_of(start({**document, "listen": ["192.0.2.1:8443"]}))
    assert (told["code"], told["errno"]) == ("bind-refused", "EADDRNOTAVAIL")


def test_a_second_server_is_refused_and_a_stale_one_is_not(start: Start, document: Document) -> None:
    running = start().wait_ready()
    told = error_of(start())
    assert told["code"] == "already-running" and told["pid"] == running.process.pid
    running.process.kill()
    running.process.wait()
    assert (running_folder(document) / "server.pid").exists() and (running_folder(document) / "server.sock").exists()
    assert start().wait_ready().status()["generation"] == 7


def test_the_number_of_a_dead_server_given_to_another_process_does_not_count(start: Start, document: Document) -> None:
    (running_folder(document) / "server.pid").write_text(f"{os.getpid()}\n1\n")
    assert start().wait_ready().status()["generation"] == 7


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"extra": 1}, "config-invalid"),
        ({"app": {"kind": "static", "directory": "/dev/null/none"}}, "app-refused"),
        ({"paths": {"run": "/dev/null/none", "state": "/dev/null/none", "log": None}}, "paths-unusable"),
    ],
)
def test_it_refuses_to_start_with_one_json_line(start: Start, document: Document, change: Document, code: str) -> None:
    assert error_of(start({**document, **change}))["code"] == code


def test_it_refuses_an_option_that_is_unknown(start: Start, document: Document) -> None:
    document["policy"]["options"] = ["NO_TICKET", "NO_SUCH_THING"]
    told = error_of(start())
    assert told["code"] == "policy-refused" and "NO_SUCH_THING" in told["message"]


def test_wrong_usage_is_told() -> None:
    script = Path(__file__).parent / "launch_wheel.py"
    run = subprocess.run([sys.executable, "-I", str(script), "--conf", "x"], capture_output=True, text=True, check=False)
    assert run.returncode == 2 and json.loads(run.stderr)["error"]["code"] == "usage"


def test_tickets_that_openssl_sends_all_the_same_stop_the_start(document: Document, tmp_path: Path) -> None:
    """Without the configuration that switches tickets off, and with a libssl that only says it did."""
    (tmp_path / "config.json").write_text(json.dumps(document))
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]; import wheel; from tlsforge_server.__main__ import main;"
        "sys.exit(main(['--config', sys.argv[3]], open_libssl=wheel.WheelLibSsl))"
    )
    here = Path(__file__).parent
    environment = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
    run = subprocess.run(
        [sys.executable, "-B", "-c", code, str(here), str(here.parent / "src"), str(tmp_path / "config.json")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=20,
    )
    assert run.returncode == 1
    assert "sends session tickets" in json.loads(run.stderr)["error"]["message"]


def test_another_libssl_than_the_configured_one_is_refused(document: Document, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**document, "libssl": "/dev/null/libssl.so.3"}))
    code = "import sys; sys.path.insert(0, sys.argv[1]); from tlsforge_server.__main__ import main; sys.exit(main(sys.argv[2:]))"
    source = str(Path(__file__).parent.parent / "src")
    run = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code, source, "--config", str(tmp_path / "config.json")], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1 and json.loads(run.stderr)["error"]["code"] == "libssl-refused"


def _serial(connection: SSL.Connection) -> int:
    certificate = connection.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return certificate.serial_number


