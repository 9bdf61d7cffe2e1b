"""The access log: its lines, what cannot break them, and a log that cannot be written."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from behinds import Behind
from client import answer, connected, exchange, get
from frames import CLOSE, HANDSHAKE, Frames, frame
from proxied import Proxied
from upstreams import OK, head

LINE = re.compile(r'(\S+) - - \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)" (\d+)')


def lines(running: Behind) -> list[tuple[str, ...]]:
    """Host, date, request, code, bytes, referrer, agent, milliseconds of each."""
    time.sleep(0.1)
    found = []
    for line in running.end().splitlines():
        match = LINE.fullmatch(line)
        assert match is not None, line
        found.append(match.groups())
    return found


def test_a_line_for_each_request(served: Callable[..., Behind], tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "a.txt").write_text("hello")
    running = served({"kind": "static", "directory": str(tmp_path / "www")}, log=True)
    with connected(running.port) as connection:
        get(connection, "/a.txt?q=1", headers=("Referer: https://example.org/", "User-Agent: test/1 (x)"))
        get(connection, "/none", method="HEAD")
        etag = get(connection, "/a.txt")[1]["etag"]
        get(connection, "/a.txt", headers=(f"If-None-Match: {etag}",))
    found = lines(running)
    assert [line[2:7] for line in found] == [
        ("GET /a.txt?q=1 HTTP/1.1", "200", "5", "https://example.org/", "test/1 (x)"),
        ("HEAD /none HTTP/1.1", "404", "0", "-", "-"),
        ("GET /a.txt HTTP/1.1", "200", "5", "-", "-"),
        ("GET /a.txt HTTP/1.1", "304", "0", "-", "-"),
    ]
    assert all(line[0] == "127.0.0.1" and int(line[7]) < 1000 for line in found)
    assert abs(time.mktime(time.strptime(found[0][1], "%d/%b/%Y:%H:%M:%S +0000")) - time.mktime(time.gmtime())) < 30


def test_nothing_that_a_client_sends_breaks_a_line(served: Callable[..., Behind]) -> None:
    running = served({"kind": "about"}, log=True)
    exchange(running.port, b'GET /"x\\y HTTP/1.1\r\nHost: a\r\nUser-Agent: a"b\\\x1b[2J\xff\tc\r\nReferer: \r\nConnection: close\r\n\r\n')
    exchange(running.port, b"nonsense\r\n\r\n")
    exchange(running.port, b"GET / HTTP/1.1\r\n\r\n")
    exchange(running.port, b"GET /" + b"x" * 20_000)
    found = lines(running)
    assert found[0][2:4] == (r"GET /\x22x\x5cy HTTP/1.1", "404") and found[0][6] == r"a\x22b\x5c\x1b[2J\xff\x09c"
    assert [line[3] for line in found[1:]] == ["400", "400", "431"]


def test_what_was_proxied_and_how_long_it_took(proxy: Proxied) -> None:
    def slow(connection: socket.socket) -> None:
        head(connection)
        time.sleep(0.3)
        connection.sendall(OK)
        connection.recv(1000)
        connection.recv(1)

    port = proxy(slow, log=True)
    with connected(port) as connection:
        assert get(connection, "/x")[0] == 200
    with connected(port) as connection:
        connection.sendall(b"GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.1)
    first, second = lines(proxy.running)
    assert first[2:5] == ("GET /x HTTP/1.1", "200", "2") and 250 < int(first[7]) < 3000
    assert second[2:5] == ("GET /left HTTP/1.1", "499", "0")


def test_a_websocket_is_a_line_at_its_end(served: Callable[..., Behind]) -> None:
    running = served({"kind": "websocket-echo"}, log=True)
    with connected(running.port) as connection:
        connection.sendall(HANDSHAKE)
        frames = Frames(connection, answer(connection)[2])
        connection.sendall(frame(bytes(1000)))
        frames.message()
        time.sleep(0.3)
        connection.sendall(frame(b"", CLOSE))
        frames.message()
    (line,) = lines(running)
    assert line[2:5] == ("GET /chat HTTP/1.1", "101", "1006") and int(line[7]) >= 300


_LOGGING = """
import os, sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
from twisted.internet.task import Clock
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.http_headers import Headers
from tlsforge_server.web.accesslog import AccessLog

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False, discardBuffer=True)
read, write = os.pipe()
log = AccessLog(write, Clock())
request = SimpleNamespace(
    requestHeaders=Headers(), began=1.0, client=SimpleNamespace(host="192.0.2.1"), method=b"GET", uri=b"/" + b"x" * 1000, clientproto=b"HTTP/1.1", code=200, sentLength=0
)
for _ in range(1000):
    log.request(request, 0.0)
    log.flush()
dropped = log.dropped
received = b""
while len(chunk := os.read(read, 65536)) == 65536:
    received += chunk
received += chunk
log.request(request, 0.0)
log.flush()
received += os.read(read, 65536)
whole = [line for line in received.split(b"\\n") if line.startswith(b"192.0.2.1 ") and line.endswith(b" 0")]
print(dropped, len(whole), log.dropped)
"""


def test_a_log_that_takes_no_more_holds_nothing_up_and_is_told_of_once() -> None:
    """A pipe that is full in the place of a disk: what could not be written is counted."""
    out = subprocess.run(
        [sys.executable, "-B", "-c", _LOGGING, str(Path(__file__).parent.parent / "src")], check=True, capture_output=True, text=True, timeout=30
    ).stdout
    dropped, whole, left = (int(each) for each in out.splitlines()[-1].split())
    assert dropped > 0 and left == 0 and dropped + whole == 1001, out
    assert out.count("cannot be written") == 1 and out.count(f"lines lost: {dropped}") == 1
