"""One timer for many deadlines: each comes due in its time, whatever becomes of the others."""

from __future__ import annotations

from tlsforge_server.endpoint.clockwork import Deadlines, Turns
from twisted.internet.task import Clock
from twisted.python.failure import Failure


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


class Taker:
    def __init__(self, fails: bool = False) -> None:
        self.took = 0
        self.lost: list[str] = []
        self._fails = fails

    def turn(self) -> None:
        self.took += 1
        if self._fails:
            raise RuntimeError("wrong")

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(reason.getErrorMessage())
        if self._fails:
            raise RuntimeError("again")


def test_turns_come_together_and_so_much_later() -> None:
    clock, first, second = Clock(), Taker(), Taker()
    turns = Turns(clock, 2)
    turns.add(first)
    clock.advance(1)
    turns.add(second)
    turns.add(first)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(1)
    assert (first.took, second.took) == (1, 1) and clock.getDelayedCalls() == []
    turns.add(second)
    clock.advance(1)
    assert second.took == 1
    clock.advance(1)
    assert second.took == 2


def test_what_goes_wrong_in_a_turn_is_one_connection_s_end() -> None:
    clock, wrong, right = Clock(), Taker(fails=True), Taker()
    turns = Turns(clock)
    turns.add(wrong)
    turns.add(right)
    clock.advance(0)
    assert wrong.lost == ["wrong"] and right.took == 1 and right.lost == []


def test_turns_can_come_early() -> None:
    clock, taker = Clock(), Taker()
    turns = Turns(clock, 1)
    turns.hasten()
    turns.add(taker)
    turns.hasten()
    assert taker.took == 1 and clock.getDelayedCalls() == []


def test_turns_that_are_closed_leave_nothing() -> None:
    clock, taker = Clock(), Taker()
    turns = Turns(clock, 1)
    turns.add(taker)
    turns.close()
    assert clock.getDelayedCalls() == []
    turns.add(taker)
    clock.advance(1)
    assert taker.took == 1
