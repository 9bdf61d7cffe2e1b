"""Births and deaths of workers: which processes there are, known by what the nursery tells and by their channels."""

from __future__ import annotations

import socket
from typing import Any, Callable

from twisted.logger import Logger

from ..errors import ServerError
from .member import Member, how_ended
from .nursery import Nursery

log = Logger(namespace="tlsforge")

#: From the moment at which a worker has closed its channel to the one at which its end has been told.
_NOTICE_SECONDS = 2.0


class Crew:
    """``lost`` is told each member that has ended, and how. ``sterile`` is called when the nursery has ended: the crew is ``barren`` then,
    and no more are born."""

    def __init__(self, reactor: Any, nursery: Nursery, *, lost: Callable[[Member, str], None], sterile: Callable[[], None]) -> None:
        self.barren = False
        self._reactor = reactor
        self._nursery = nursery
        self._lost = lost
        self._sterile = sterile
        self._members: dict[int, Member] = {}
        self._key = 0
        nursery.attach(reactor, born=self._born, died=self._died, lost=self._nursery_lost)

    @property
    def members(self) -> list[Member]:
        return list(self._members.values())

    def bear(self, grace: float) -> Member:
        """One more; it can be asked at once. ``grace`` is how long it may take to come to its end, in seconds. Raises ServerError when
        there are no descriptors for it."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise ServerError("worker-failed", f"no worker can be made: {error.strerror}") from error
        self._key += 1
        member = self._members[self._key] = Member(self._reactor, ours, overdue=self._overdue, hung_up=self._hung_up)
        with theirs:
            if self.barren:
                self._reactor.callLater(0, self._gone, member, "cannot be made")
            else:
                self._nursery.bear(self._key, theirs, grace)
        return member

    def kill(self, member: Member) -> None:
        if member not in self._members.values():
            return
        if self.barren:
            # Its number may be another process's by now. Its channel closes: that ends one that can still end.
            self._gone(member, "is given up")
        elif member.pid is not None:
            self._nursery.kill(member.pid)
        else:
            member.condemned = True

    def disband(self) -> None:
        """For when there are no members, and are to be none."""
        self._nursery.dismiss()

    def _born(self, key: int, pid: int | None, error: str) -> None:
        if pid is not None:
            self._members[key].pid = pid
            if self._members[key].condemned:
                self._nursery.kill(pid)
        else:
            self._gone(self._members[key], error)

    def _died(self, pid: int, code: int) -> None:
        for member in self.members:
            if member.pid == pid:
                self._gone(member, "did not answer in time and was ended" if member.late else how_ended(code))

    def _gone(self, member: Member, how: str) -> None:
        self._members = {key: each for key, each in self._members.items() if each is not member}
        member.ended(how)
        self._lost(member, how)

    def _overdue(self, member: Member) -> None:
        log.error("worker {pid} does not answer and is ended", pid=member.pid)
        member.late = True
        self.kill(member)

    def _hung_up(self, member: Member) -> None:
        if self.barren:
            self._gone(member, "has ended")
        else:
            self._reactor.callLater(_NOTICE_SECONDS, self.kill, member)

    def _nursery_lost(self) -> None:
        self.barren = True
        self._sterile()
        for member in self.members:
            if member.pid is None or member.silent:
                self._gone(member, "has ended")
