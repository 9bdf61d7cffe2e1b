"""Asking another server process of this prefix, over its control socket: for its sockets, and to stand by. Blocking, with a deadline:
for threads, and for a start that has nothing else to do."""

from __future__ import annotations

import array
import errno
import json
import os
import signal
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping

from . import pidfile
from ..errors import ServerError

#: For everything that is asked in one take-over.
DEADLINE_SECONDS = 5.0
_DESCRIPTORS = 128


class Gone(Exception):
    """Nobody is there, or whoever was has ended or is about to."""


class Peer:
    """A connection to the process behind a control socket. Raises ``Gone``, and ServerError when it refuses or does not answer in time."""

    def __init__(self, path: Path, seconds: float = DEADLINE_SECONDS) -> None:
        self._path = path
        self._end = time.monotonic() + seconds
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(seconds)
            self._socket.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self._socket.close()
            raise Gone from error
        except OSError as error:
            self._socket.close()
            raise self._silent() if error.errno in (errno.EAGAIN, None) else ServerError("take-over-refused", f"{path}: {error.strerror}") from error

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def sockets(self) -> dict[str, socket.socket]:
        """What it holds, by address."""
        answer, received = self._ask({"command": "sockets"})
        names = [*answer.get("listen", []), *answer.get("redirect", [])]
        if len(names) != len(received):
            close_all(received)
            raise ServerError("take-over-refused", f"the process behind {self._path} names {len(names)} sockets and sends {len(received)}")
        return dict(zip(names, received, strict=True))

    def stand_by(self) -> None:
        """Has it accept no more. From the answer on it resumes by itself when this connection ends before ``server.sock`` is ours."""
        self._ask({"command": "stand-by", "pid": os.getpid()})

    def give_way(self) -> None:
        """Has it end, and touch no name in the run folder from the answer on."""
        self._ask({"command": "give-way"})

    def still_there(self) -> bool:
        """Whether the other end is open: one that gave up waiting serves again."""
        try:
            self._socket.setblocking(False)
            return self._socket.recv(1) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        self._socket.close()

    def _ask(self, request: Mapping[str, object]) -> tuple[dict[str, Any], list[socket.socket]]:
        received: list[socket.socket] = []
        try:
            return self._checked(self._exchange(json.dumps(request).encode() + b"\n", received)), received
        except BaseException as error:
            close_all(received)
            if isinstance(error, TimeoutError):
                raise self._silent() from error
            if isinstance(error, (OSError, EOFError)):
                raise Gone from error
            raise

    def _checked(self, text: bytes) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = dict(json.loads(text))
        except (ValueError, TypeError) as error:
            raise ServerError("take-over-refused", f"what answers behind {self._path} is no server of this kind") from error
        if answer.get("ok") is True:
            return answer
        told = dict(answer.get("error") or {})
        if told.get("code") == "stopping":
            raise Gone
        raise ServerError("take-over-refused", f"the process behind {self._path} refuses: {told.get('message')}")

    def _exchange(self, line: bytes, received: list[socket.socket]) -> bytes:
        self._allow()
        self._socket.sendall(line)
        answer = b""
        while not answer.endswith(b"\n"):
            self._allow()
            data, ancillary, _flags, _address = self._socket.recvmsg(1 << 16, socket.CMSG_SPACE(_DESCRIPTORS * 4), _cloexec())
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    descriptors = array.array("i", content[: len(content) - len(content) % 4])
                    received.extend(socket.socket(fileno=each) for each in descriptors)
            if not data:
                raise EOFError
            answer += data
        return answer

    def _allow(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _silent(self) -> ServerError:
        return ServerError("take-over-refused", f"the process behind {self._path} does not answer in time", "end it, then try again")


def reach(path: Path) -> Peer | None:
    """A connection to the process behind a socket, or None when there is none."""
    try:
        return Peer(path)
    except Gone:
        return None


def answers(path: Path) -> bool:
    """Whether anybody listens at a control socket. At once: whoever is only busy counts as there."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT)


def sockets_of(path: Path) -> dict[str, socket.socket]:
    """What the process behind a control socket holds; nothing when there is none."""
    try:
        with Peer(path) as peer:
            return peer.sockets()
    except Gone:
        return {}


def spare_sockets(path: Path) -> dict[str, socket.socket]:
    """The same of one that is only asked for what it has left over: one that does not answer gives nothing, and holds nothing up."""
    try:
        with Peer(path, seconds=1.0) as peer:
            return peer.sockets()
    except (Gone, ServerError):
        return {}


def end(path: Path, pid_file: Path, pid: int) -> None:
    """Ends the process behind a socket: as asked, else, when it does not answer, by force."""
    try:
        with Peer(path, seconds=1.0) as peer:
            peer.give_way()
    except (Gone, ServerError):
        if pidfile.owner(pid_file) == pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def joined(first: dict[str, socket.socket], second: dict[str, socket.socket]) -> dict[str, socket.socket]:
    """Both, by address; what the second holds too is closed in the first."""
    close_all([held for address, held in first.items() if address in second])
    return {**first, **second}


def close_all(sockets: list[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _cloexec() -> int:
    return int(getattr(socket, "MSG_CMSG_CLOEXEC", 0))
