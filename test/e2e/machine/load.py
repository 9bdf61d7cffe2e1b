"""New connections to our own server, each with a handshake and one request.

load.py once PORT AUTHORITY          one; exit 1 when it fails
load.py header PORT AUTHORITY NAME   one; prints that header of the answer
load.py load PORT AUTHORITY STOP     one after the other from two threads, until the file STOP is there (at most 60 s)
"""

import os
import socket
import ssl
import sys
import threading
import time


def answered(port: int, context: ssl.SSLContext) -> str:
    """One connection and request; the head of the answer. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            head = secure.recv(8192)
    if not head.startswith(b"HTTP/1.1 200"):
        raise OSError(f"answered {head[:64]!r}")
    return head.decode("latin-1")


def load(port: int, context: ssl.SSLContext, stop: str) -> int:
    counts, failures = [0, 0], []
    end = time.monotonic() + 60

    def client(number: int) -> None:
        while time.monotonic() < end and not os.path.exists(stop):
            try:
                answered(port, context)
                counts[number] += 1
            except OSError as error:
                failures.append(f"{time.monotonic():.3f} {error!r}")
            time.sleep(0.005)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{sum(counts)} answered, {len(failures)} failed", *failures[:5], sep="\n")
    return 1 if failures or sum(counts) == 0 else 0


what, port, authority = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=authority)
if what == "load":
    sys.exit(load(port, context, sys.argv[4]))
head = answered(port, context)
if what == "header":
    print(*(line for line in head.splitlines() if line.lower().startswith(f"{sys.argv[4].lower()}:")))
