"""Where workers are born: a process with one thread and no reactor, forked from the server before it has either.

Only such a process may fork safely, and all of its children share its memory until they write to it. It says which child has ended and
how, and outlives the server for as long as its children may take to come to their end.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any, Callable

from . import channel
from .channel import Channel, Inbox, Message

#: What a child does with its end of a channel. Returns the exit code.
Work = Callable[[socket.socket], int]
#: What the nursery does once, to have that.
Begin = Callable[[], Work]
#: For a child to end by itself after its time has passed, before it is killed.
_SLACK_SECONDS = 2.0


class Nursery:
    """The server's hold on it. ``born`` is told the key of a request and the child's process id, or why there is none; ``died`` a process
    id and its exit code, negative for a signal; ``lost`` that there is no nursery any more."""

    def __init__(self, begin: Begin, log: int) -> None:
        """Forks. What ``begin`` and the work that it gives refer to is shared with the children; ``log`` is the descriptor that they write
        to."""
        assert "twisted.internet.reactor" not in sys.modules, "a reactor, once made, cannot be shared with a child"
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            _tend(theirs, log, begin)
        theirs.close()
        self._socket = ours
        self._channel: Channel | None = None

    def attach(
        self, reactor: Any, *, born: Callable[[int, int | None, str], None], died: Callable[[int, int], None], lost: Callable[[], None]
    ) -> None:
        """From here on the reactor serves it."""

        def received(message: Message, _descriptors: list[int]) -> None:
            if "born" in message:
                born(message["born"], message["pid"], message["error"])
            else:
                died(message["died"], message["code"])

        self._channel = Channel(reactor, self._socket, received, lost)

    def bear(self, key: int, end: socket.socket, grace: float) -> None:
        """Has a child made that works with ``end``. ``grace`` is how long a child may take to come to its end, in seconds."""
        self._send({"bear": key, "grace": grace}, end)

    def kill(self, pid: int) -> None:
        """Ends a child at once, and no other process that may have got its number."""
        self._send({"kill": pid})

    def dismiss(self) -> None:
        """It ends with its last child, and tells nothing any more."""
        if self._channel is not None:
            self._channel.close()
        else:
            self._socket.close()

    def close(self) -> None:
        """Dismisses it and returns when it has ended."""
        self.dismiss()
        os.waitpid(self.pid, 0)

    def _send(self, message: Message, *ends: socket.socket) -> None:
        assert self._channel is not None
        self._channel.send(message, [each.fileno() for each in ends])


def _tend(on: socket.socket, log: int, begin: Begin) -> None:
    code = 1
    try:
        _only_ours(on.fileno(), log)
        work = begin()
        # What is there now is shared by all children for as long as none writes to it, as a search for garbage would.
        gc.freeze()
        gc.enable()
        code = _Tending(on, _wake_at_deaths(), work).run()
    except BaseException:  # noqa: BLE001 - this process has nobody to raise to
        traceback.print_exc()
    os._exit(code)


class _Tending:
    def __init__(self, on: socket.socket, wake: int, work: Work) -> None:
        self._on = on
        self._wake = wake
        self._work = work
        self._inbox = Inbox()
        self._children: set[int] = set()
        self._grace = 0.0

    def run(self) -> int:
        try:
            while True:
                ready = select.select([self._on.fileno(), self._wake], [], [])[0]
                self._reap()
                if self._on.fileno() in ready:
                    for message, descriptors in self._inbox.read(self._on):
                        self._do(message, descriptors)
        except (EOFError, ConnectionError):
            return self._see_them_end()

    def _do(self, message: Message, descriptors: list[int]) -> None:
        if "kill" in message:
            if message["kill"] in self._children:
                os.kill(message["kill"], signal.SIGKILL)
            return
        self._grace = message["grace"]
        with socket.socket(fileno=descriptors[0]) as end:
            try:
                pid = os.fork()
            except OSError as error:
                channel.send(self._on, {"born": message["bear"], "pid": None, "error": f"no process can be made: {error.strerror}"})
                return
            if pid == 0:
                self._be_born(end)
        self._children.add(pid)
        channel.send(self._on, {"born": message["bear"], "pid": pid, "error": ""})

    def _be_born(self, end: socket.socket) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._wake)
            self._on.close()
            code = self._work(end)
        except BaseException:  # noqa: BLE001 - as above
            traceback.print_exc()
        finally:
            os._exit(code)

    def _reap(self) -> None:
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            pass
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            channel.send(self._on, {"died": pid, "code": os.waitstatus_to_exitcode(status)})

    def _see_them_end(self) -> int:
        """The server has gone: its workers know, and end by themselves. What has not when the time is over is killed."""
        end = time.monotonic() + self._grace + _SLACK_SECONDS
        while self._children:
            left = end - time.monotonic()
            if left <= 0:
                for pid in self._children:
                    os.kill(pid, signal.SIGKILL)
            select.select([self._wake], [], [], max(left, 1.0))
            try:
                os.read(self._wake, 4096)
            except BlockingIOError:
                pass
            while self._children and (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._children.discard(pid)
        return 0


def _only_ours(on: int, log: int) -> None:
    """Keeps nothing open that was open in the server, but for the channel and the log, which is standard output and error too."""
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    kept = sorted({2, on, log})
    for first, after in zip(kept, [*kept[1:], int(os.sysconf("SC_OPEN_MAX"))], strict=True):
        os.closerange(first + 1, after)


def _wake_at_deaths() -> int:
    """A descriptor that can be read when a child has ended. Who ends the server's group with a signal is to be left to the server."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read
