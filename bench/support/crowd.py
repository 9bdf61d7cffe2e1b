"""Clients for bench:crowd, with the Python of a stack.

    crowd.py crowd PORT IDLE SLOW    opens connections, prints how many; when standard input ends, how many the server has ended
    crowd.py good PORT COUNT         prints the milliseconds of each connection with its one request, and what others failed with

Half of the slow send a byte of a request's head each second, the other half take 4 KiB of /large each second.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any

from endpoint import client, connect
from OpenSSL import SSL

#: So many connections from one address of the loopback network: fewer than it has ports, and than the server's default cap.
_OF_ONE_ADDRESS = 900
_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def crowd(port: str, idle: str, slow: str) -> None:
    context = client("X25519")
    opened: list[Any] = []
    for number in range(int(idle) + int(slow)):
        try:
            opened.append(connect(context, int(port), f"127.0.0.{2 + number // _OF_ONE_ADDRESS}"))
        except (SSL.Error, OSError) as error:
            # How many there are is told, and the bench refuses too few.
            print(f"connection {number + 1}: {error!r}", file=sys.stderr)
            break
    slow_ones = opened[int(idle) :]
    writers, readers = slow_ones[::2], slow_ones[1::2]
    for each in readers:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        each.send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for each in slow_ones:
        each.setblocking(False)
    print(len(opened), flush=True)
    second = 0
    while not select.select([sys.stdin], [], [], 1)[0]:
        for each in writers:
            _try(each.send, _HEAD[second : second + 1] or b"a")
        for each in readers:
            _try(each.recv, 4096)
        second += 1
    print(json.dumps({"ended": sum(_has_ended(each) for each in opened), "cpuSeconds": time.process_time()}), flush=True)


def good(port: str, count: str) -> None:
    context = client("X25519")
    milliseconds, failures = [], []
    for _ in range(int(count)):
        began = time.perf_counter()
        try:
            _ask(context, int(port))
            milliseconds.append((time.perf_counter() - began) * 1000)
        except (SSL.Error, OSError, ValueError) as error:
            failures.append(repr(error))
        time.sleep(0.005)
    print(json.dumps({"milliseconds": milliseconds, "failures": failures, "cpuSeconds": time.process_time()}), flush=True)


def _ask(context: Any, port: int) -> None:
    connection = connect(context, port)
    # Without an answer for that long it raises.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 20, 0))
    connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    received = b""
    try:
        while True:
            received += connection.recv(65536)
    except (SSL.ZeroReturnError, SSL.SysCallError):
        pass
    connection.close()
    if not received.startswith(b"HTTP/1.1 200 "):
        raise ValueError(received[:40])


def _try(call: Any, argument: Any) -> None:
    try:
        call(argument)
    except SSL.Error:
        pass  # It has to wait, or the server has ended the connection: that is counted at the end.


def _has_ended(connection: Any) -> bool:
    """Whether the server has: an idle connection has nothing to read, and a reader's answer is not at its end."""
    with socket.socket(fileno=os.dup(connection.fileno())) as tcp:
        tcp.setblocking(False)
        try:
            return not tcp.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


if __name__ == "__main__":
    {"crowd": crowd, "good": good}[sys.argv[1]](*sys.argv[2:])
    os._exit(0)
