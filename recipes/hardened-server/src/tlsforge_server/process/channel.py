"""JSON lines with descriptors over a Unix socket pair: how the processes of a server talk to one another."""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from typing import Any, Callable, Mapping, Sequence

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

Message = dict[str, Any]
#: Takes a message and the descriptors that came with it, which are its own to close.
Received = Callable[[Message, list[int]], None]

_CHUNK = 1 << 16
#: Linux sends no more with one message (SCM_MAX_FD).
_MOST_DESCRIPTORS = 253


class Inbox:
    """Puts messages together. Raises EOFError at the end, and when a descriptor was lost because the process can have no more. ``most``
    bounds the bytes of one who is not trusted: beyond them, and for any descriptor, it has come to its end too."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._text = b""
        self._descriptors: list[int] = []

    def read(self, on: socket.socket) -> list[tuple[Message, list[int]]]:
        """What has come to its end by now. Raises BlockingIOError when nothing is there."""
        # What there is no room for is not received, and that is told.
        data, descriptors, flags, _address = socket.recv_fds(on, _CHUNK, _MOST_DESCRIPTORS if self._most is None else 0)
        self._descriptors += descriptors
        if not data or flags & socket.MSG_CTRUNC:
            raise EOFError
        *lines, self._text = (self._text + data).split(b"\n")
        if self._most is not None and len(self._text) > self._most:
            raise EOFError
        return [self._message(line) for line in lines]

    def _message(self, line: bytes) -> tuple[Message, list[int]]:
        message: Message = json.loads(line)
        count = message.pop("descriptors", 0)
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, taken


def send(on: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """For a blocking socket."""
    line = _line(message, descriptors)
    sent = socket.send_fds(on, [line], list(descriptors)) if descriptors else 0
    on.sendall(line[sent:])


@implementer(IReadWriteDescriptor)
class Channel:
    """One end, with a reactor. ``lost`` is called once, when the other end has closed; after ``close`` nothing is called any more. ``most``
    is as in ``Inbox``."""

    def __init__(self, reactor: Any, on: socket.socket, received: Received, lost: Callable[[], None], *, most: int | None = None) -> None:
        self._reactor = reactor
        self._socket = on
        self._received = received
        self._lost = lost
        self._inbox = Inbox(most)
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._open = True
        on.setblocking(False)
        reactor.addReader(self)

    def send(self, message: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        """Never blocks. The descriptors stay the caller's: it may close them at once. Raises OSError when there are none for copies of them."""
        if self._open:
            self._waiting.append((_line(message, descriptors), _copies(descriptors)))
            self.doWrite()

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._socket.close()
        for _line, descriptors in self._waiting:
            _close(descriptors)
        self._waiting.clear()

    def doRead(self) -> None:
        try:
            for message, descriptors in self._inbox.read(self._socket):
                if self._open:
                    self._received(message, descriptors)
                else:
                    _close(descriptors)
        except BlockingIOError:
            return
        except (OSError, EOFError):
            self.connectionLost(None)

    def doWrite(self) -> None:
        try:
            while self._waiting:
                line, descriptors = self._waiting[0]
                sent = socket.send_fds(self._socket, [line], descriptors) if descriptors else self._socket.send(line)
                _close(descriptors)
                self._waiting.popleft()
                if sent < len(line):
                    self._waiting.appendleft((line[sent:], []))
        except BlockingIOError:
            self._reactor.addWriter(self)
        except OSError:
            # The other end has closed: reading tells it.
            self._reactor.removeWriter(self)
        else:
            self._reactor.removeWriter(self)

    def connectionLost(self, reason: Failure | None) -> None:  # noqa: ARG002 - the reactor's word
        if self._open:
            self.close()
            self._lost()

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "channel"


def _line(message: Mapping[str, object], descriptors: Sequence[int]) -> bytes:
    return json.dumps({**message, "descriptors": len(descriptors)} if descriptors else message).encode() + b"\n"


def _copies(descriptors: Sequence[int]) -> list[int]:
    made: list[int] = []
    try:
        for each in descriptors:
            made.append(os.dup(each))
    except OSError:
        _close(made)
        raise
    return made


def _close(descriptors: Sequence[int]) -> None:
    for each in descriptors:
        os.close(each)
