"""One timer for many deadlines: each comes due in its time, whatever becomes of the others."""

from __future__ import annotations

from tlsforge_server.endpoint.clockwork import Deadlines
from twisted.internet.task import Clock


def test_each_comes_due_in_its_time_and_none_that_was_stopped() -> None:
    clock, late = Clock(), list[str]()
    deadlines = Deadlines(clock, 10, late.append)
    deadlines.start("first")
    clock.advance(4)
    deadlines.start("second")
    deadlines.start("stopped")
    deadlines.stop("stopped")
    clock.advance(6)
    assert late == ["first"] and "second" in deadlines
    deadlines.start("second")
    clock.advance(9)
    assert late == ["first"], "started anew, it has all of its time again"
    clock.advance(1)
    assert late == ["first", "second"] and clock.getDelayedCalls() == []


def test_one_that_cannot_be_ended_keeps_no_other_from_it() -> None:
    clock, late = Clock(), list[str]()

    def end(item: str) -> None:
        late.append(item)
        if item == "wrong":
            raise RuntimeError(item)

    deadlines = Deadlines(clock, 10, end)
    for item in ("wrong", "right", "too"):
        deadlines.start(item)
    clock.advance(10)
    assert late == ["wrong", "right", "too"]
