"""The processes of a server, as the kernel has them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def state_of(pid: int) -> str:
    """The kernel's letter for a process; X when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return "X"


def children(pid: int) -> list[int]:
    return [int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()]


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def gone(pids: list[int]) -> bool:
    return all(state_of(each) in "XZ" for each in pids)


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """These do nothing meanwhile."""
    for each in pids:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in pids:
            os.kill(each, signal.SIGCONT)
