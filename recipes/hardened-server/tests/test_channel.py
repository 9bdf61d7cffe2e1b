"""What a worker says to its supervisor is bounded and looked at: it may be a client's by then."""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fleet import wait_for
from reactors import reactor, run
from tlsforge_server.errors import ServerError
from tlsforge_server.process.member import Ended, Member

__all__ = ["reactor"]
RIGHT = {"serial": 1, "open": 3, "lost": 0, "error": None, "lockdown": {"landlock": "in force"}}


class Seen:
    """A member, the worker's end of its channel, and what has become of the one thing that it is asked."""

    def __init__(self, reactor: Any, held: ExitStack) -> None:
        ours, theirs = socket.socketpair()
        self.end = held.enter_context(theirs)
        self.outcome: list[object] = []
        self.hung_up = False
        self.member: Member = run(reactor, self._make, reactor, ours)

    def _make(self, reactor: Any, ours: socket.socket) -> Member:
        member = Member(reactor, ours, overdue=lambda _member: None, hung_up=self._hang_up)
        member.ask({}, seconds=20).addCallbacks(self.outcome.append, lambda failure: self.outcome.append(failure.value))
        return member

    def _hang_up(self, member: Member) -> None:
        self.hung_up = True
        member.ended("was ended")


@pytest.fixture
def seen(reactor: Any) -> Iterator[Seen]:
    with ExitStack() as held:
        made = Seen(reactor, held)
        yield made
        run(reactor, made.member.ended, "is not needed any more")


def line(**changed: object) -> bytes:
    return json.dumps({**RIGHT, **changed}).encode() + b"\n"


def test_an_answer_counts(seen: Seen) -> None:
    seen.end.sendall(line())
    wait_for(lambda: bool(seen.outcome))
    assert (seen.outcome, seen.member.open, seen.member.lockdown, seen.member.ready) == ([None], 3, {"landlock": "in force"}, True)


def test_a_refusal_is_what_it_says(seen: Seen) -> None:
    seen.end.sendall(line(error={"code": "app-refused", "message": "no", "hint": "put it right", "listen": "here"}))
    wait_for(lambda: bool(seen.outcome))
    (error,) = seen.outcome
    assert isinstance(error, ServerError)
    assert (error.code, error.message, error.hint, error.facts) == ("app-refused", "no", "put it right", {"listen": "here"})


def test_where_there_are_no_descriptors_for_copies_none_is_left_behind(seen: Seen, reactor: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
    before = os.listdir("/proc/self/fd")
    try:
        # Room for two copies of four.
        resource.setrlimit(resource.RLIMIT_NOFILE, (_highest(held) + 3, hard))
        with pytest.raises(ServerError, match="cannot be told"):
            run(reactor, lambda: seen.member.ask({}, held, seconds=20))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert os.listdir("/proc/self/fd") == before
    for each in held:
        os.close(each)


def _highest(held: list[int]) -> int:
    """The highest number below which none is free."""
    used = {int(each) for each in os.listdir("/proc/self/fd")}
    return next(number for number in range(max(held), max(used) + 2) if number + 1 not in used)


def _descriptor(end: socket.socket) -> None:
    with open(os.devnull, "rb") as null:
        socket.send_fds(end, [line()], [null.fileno()])


def _endless(end: socket.socket) -> None:
    end.settimeout(5)
    for _ in range(1 << 10):
        end.sendall(b" " * (1 << 16))


WRONG: dict[str, Callable[[socket.socket], object]] = {
    "no end": _endless,
    "a descriptor": _descriptor,
    "no JSON": lambda end: end.sendall(b"what?\n"),
    "no object": lambda end: end.sendall(b"[]\n"),
    "an answer to nothing": lambda end: end.sendall(line(serial=2)),
    "no number": lambda end: end.sendall(line(open="many")),
    "no error": lambda end: end.sendall(line(error="none")),
    "half an error": lambda end: end.sendall(line(error={"message": "no"})),
    "no states": lambda end: end.sendall(line(lockdown=7)),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_one_that_says_anything_else_has_hung_up_and_nobody_waits_for_it(seen: Seen, what: str) -> None:
    before, began = len(os.listdir("/proc/self/fd")), time.monotonic()
    try:
        WRONG[what](seen.end)
    except OSError:
        pass  # It is not read to its end.
    wait_for(lambda: bool(seen.outcome))
    assert seen.hung_up and isinstance(seen.outcome[0], Ended)
    assert time.monotonic() - began < 5
    assert len(os.listdir("/proc/self/fd")) < before, "its end is closed, and nothing else is left"
