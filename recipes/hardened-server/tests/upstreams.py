"""Servers behind the proxy, each connection of which a function of the test's plays."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread

Play = Callable[[socket.socket], object]


class Upstream:
    """Plays one function after the other for the connections that come, the last one for all further; ``accepted`` counts them."""

    def __init__(self, *plays: Play, path: Path | None = None) -> None:
        self._plays = list(plays)
        self.accepted = 0
        self.failure: BaseException | None = None
        if path is None:
            self._listening = socket.create_server(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        else:
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(path))
            self._listening.listen()
            self.url = f"unix:{path}"
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
            self.accepted += 1
            Thread(target=self._play, args=(play, connection), daemon=True).start()

    def _play(self, play: Play, connection: socket.socket) -> None:
        connection.settimeout(20)
        with connection:
            try:
                play(connection)
            except BaseException as error:
                self.failure = error


def head(connection: socket.socket) -> bytes:
    """The head of a request, byte by byte, so that nothing of its body is taken; empty when there is none."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        data += byte
    return data


def answering(answer: bytes, seen: list[bytes] | None = None) -> Play:
    """Answers each request on a connection, bodies left out of account, and notes its head."""

    def play(connection: socket.socket) -> None:
        while request := head(connection):
            if seen is not None:
                seen.append(request)
            connection.sendall(answer)

    return play


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
