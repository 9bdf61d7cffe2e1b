"""Load for a server while something happens to it."""

from __future__ import annotations

import socket
import threading

from client import get
from OpenSSL import SSL
from tlsforge_server.tls.loopback import client_context


class Load:
    """Clients that connect, ask and close as fast as they can; half of them keep connections until they are told to close."""

    def __init__(self, port: int, threads: int = 4) -> None:
        self._port = port
        self._end = threading.Event()
        self.done = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(bool(index % 2),)) for index in range(threads)]

    def __enter__(self) -> Load:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        for each in self._threads:
            each.join(20)

    def _run(self, keeps: bool) -> None:
        while not self._end.is_set():
            try:
                self._connection(keeps)
            except Exception as error:
                self.failed.append(f"{type(error).__name__}: {error}")

    def _connection(self, keeps: bool) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as tcp:
            tcp.settimeout(None)
            connection = SSL.Connection(client_context(version="TLSv1.3", groups=["X25519"]), tcp)
            connection.set_connect_state()
            connection.do_handshake()
            for _request in range(50 if keeps else 1):
                status, headers, _body = get(connection, headers=("Accept: */*",))
                assert status == 200
                self.done += 1
                if headers.get("connection") == "close" or self._end.is_set():
                    break
