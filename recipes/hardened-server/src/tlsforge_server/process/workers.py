"""The workers of a server: as many as are wanted, each in the present state. One that ends is replaced, and so is one that does not
answer or holds more than it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping

from twisted.internet.defer import Deferred, DeferredList, fail, gatherResults, inlineCallbacks
from twisted.logger import Logger

from ..config.model import Limits
from ..errors import ServerError, stopping
from ..timers import cancel
from .accesslog import AccessLog
from .backoff import Backoff
from .bounds import resident_bytes
from .crew import Crew
from .member import Ended, Member
from .nursery import Nursery

log = Logger(namespace="tlsforge")

#: For a worker to begin.
_BIRTH_SECONDS = 15.0
#: To take other material.
_MATERIAL_SECONDS = 5.0
#: To accept or to pause: shorter than another process waits while it takes over.
_DUTY_SECONDS = 3.0
#: To say how it is: its application may be busy for a while.
_HUNG_SECONDS = 30.0
#: Beyond the worker's own deadline for its end.
_SLACK_SECONDS = 2.0
_LOOK_SECONDS = 2.0
#: One that always holds too much is not replaced more often than this.
_YOUNG_SECONDS = 10.0


@dataclass(frozen=True)
class State:
    """What all workers have in common; ``material`` as the channel has it."""

    material: Mapping[str, object]
    access_log: AccessLog
    limits: Limits
    count: int


#: What they accept from, as the channel has it, and the sockets' descriptors.
Duty = tuple[Mapping[str, object], list[int]]


class Workers:
    """``duty`` gives the present one. ``bereft`` is called when the last one has ended and none can be made any more."""

    _state: State

    def __init__(self, reactor: Any, nursery: Nursery, *, duty: Callable[[], Duty], bereft: Callable[[], None]) -> None:
        #: What is wrong for longer than a moment.
        self.trouble: str | None = None
        self._reactor = reactor
        self._duty = duty
        self._bereft = bereft
        self._crew = Crew(reactor, nursery, lost=self._lost, sterile=self._nursery_lost)
        self._backoff = Backoff()
        self._filling: Any = None
        self._looking: Any = None
        self._ending: Deferred[None] | None = None

    @property
    def pids(self) -> list[int]:
        """Of those that serve."""
        return [each.pid for each in self._serving if each.pid is not None]

    @property
    def open(self) -> int:
        """Their connections, as far as they have told, of those that come to their end too."""
        return sum(each.open for each in self._crew.members)

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at."""
        lost = sum(each.lost for each in self._serving)
        told = [f"the access log cannot be written, lines lost: {lost}; the server's log says why"] if lost else []
        return told if self.trouble is None else [self.trouble, *told]

    @property
    def lockdown(self) -> dict[str, str]:
        """What is in force in them."""
        return next((each.lockdown for each in self._serving if each.ready), {})

    @inlineCallbacks
    def start(self, state: State) -> Any:
        """Fires when all serve. Fails with the ServerError of one that cannot."""
        self._state = state
        yield gatherResults([self._begin() for _ in range(state.count)], consumeErrors=True).addErrback(_first)
        self._looking = self._reactor.callLater(_LOOK_SECONDS, self._look)

    @inlineCallbacks
    def exchange(self, state: State, *, anew: bool) -> Any:
        """Another state, first tried by a worker that serves nobody: when that one fails nothing has changed. ``anew``: what changes cannot
        be exchanged in a process that runs, so others take the place of all. Fails with ``stopping`` when they come to their end."""
        self._check_not_ending()
        trial = self._crew.bear(state.limits.drain_seconds)
        try:
            yield self._give(trial, state)
            self._check_not_ending()
        except Exception as error:
            self._retire(trial)
            raise _plain(error) from error
        former, self._state = self._serving, state
        if not anew:
            self._retire(trial)
            yield self.renew(state)
            for surplus in former[state.count :]:
                self._retire(surplus)
            yield self._make(state.count - len(self._serving))
            return
        trial.admitted = True
        yield DeferredList([self._dutiful(trial), self._make(state.count - 1)])
        for each in former:
            self._retire(each)
        self._fill()

    def renew(self, state: State) -> Deferred[Any]:
        """The same configuration with other ticket keys, staples or access log. Fires when each has it, or is ended because it cannot."""
        self._state = state
        return DeferredList([self._give(each, state).addErrback(self._refused, each) for each in self._serving])

    def update(self) -> Deferred[Any]:
        """Gives them the present duty. Fires when no worker has another one: who does not answer is ended."""
        return DeferredList([self._dutiful(each) for each in self._serving])

    def refresh(self, seconds: float) -> Deferred[None]:
        """Asks how they are. Fires when they have said it, or the time is over."""
        fresh: Deferred[None] = Deferred()
        clock = self._reactor.callLater(seconds, fresh.callback, None)

        def all_told(_results: object) -> None:
            if not fresh.called:
                clock.cancel()
                fresh.callback(None)

        self._ask_how().addCallback(all_told)
        return fresh

    def end(self) -> Deferred[None]:
        """Brings all to their end. Fires when there is none any more."""
        if self._ending is None:
            self._ending = Deferred()
            for clock in (self._filling, self._looking):
                cancel(clock)
            for each in self._crew.members:
                self._retire(each, gently=False)
            self._see_end()
        return self._ending

    @property
    def _serving(self) -> list[Member]:
        return [each for each in self._crew.members if each.admitted and not each.leaving]

    def _begin(self) -> Deferred[None]:
        """One more that serves. Fails when it cannot."""
        if self._ending is not None:
            return fail(stopping())
        try:
            member = self._crew.bear(self._state.limits.drain_seconds)
        except ServerError as error:
            log.error("{why}", why=error.message)
            return fail(error)
        member.admitted = True
        given = self._give(member, self._state)
        self._dutiful(member)
        return given.addErrback(self._could_not_begin, member)

    def _check_not_ending(self) -> None:
        # A worker that is made after the others were told to end would be told by nobody.
        if self._ending is not None:
            raise stopping()

    def _give(self, member: Member, state: State) -> Deferred[None]:
        # As it is open at this moment.
        descriptors = [] if state.access_log.descriptor is None else [state.access_log.descriptor]
        seconds = _MATERIAL_SECONDS if member.ready else _BIRTH_SECONDS
        return member.ask({"material": state.material}, descriptors, seconds=seconds)

    def _dutiful(self, member: Member) -> Deferred[None]:
        duty, descriptors = self._duty()
        seconds = _DUTY_SECONDS if member.ready else _BIRTH_SECONDS
        return member.ask({"duty": duty}, descriptors, seconds=seconds).addErrback(self._refused, member)

    def _ask_how(self) -> Deferred[Any]:
        asked = [each.ask({}, seconds=_HUNG_SECONDS) for each in self._crew.members if not each.waits]
        return DeferredList(asked, consumeErrors=True)

    def _could_not_begin(self, failure: Any, member: Member) -> Any:
        self._refused(failure, member)
        return failure

    def _refused(self, failure: Any, member: Member) -> None:
        """One that cannot be what it is to be is of no use: another one takes its place."""
        if failure.check(Ended) is None and not member.leaving:
            log.error("worker {pid} fails: {why}", pid=member.pid, why=getattr(failure.value, "message", failure.value))
            self._crew.kill(member)

    def _retire(self, member: Member, *, gently: bool = True) -> None:
        """Gently where others serve on: who has a connection open is answered once more and told to connect anew."""
        if member.leaving and gently:
            return
        member.leaving = True
        seconds = (2 if gently else 1) * self._state.limits.drain_seconds + _SLACK_SECONDS
        member.ask({"end": "gently" if gently else "now"}, seconds=seconds).addErrback(lambda _failure: None)
        self._reactor.callLater(seconds, self._crew.kill, member)

    def _lost(self, member: Member, how: str) -> None:
        if self._ending is not None:
            self._see_end()
        elif not member.leaving:
            log.error("worker {pid} {how}", pid=member.pid, how=how)
            wait = self._backoff.died(self._reactor.seconds())
            if wait:
                self.trouble = f"workers end one after the other, the last one {how}"
                log.error("{trouble}; the next one is made in {wait:g} s", trouble=self.trouble, wait=wait)
            self._fill(wait)
        if self._crew.barren and not self._crew.members and self._ending is None:
            self._bereft()

    def _nursery_lost(self) -> None:
        self.trouble = "the process that workers are made by has ended: none can be replaced any more"
        log.error("{trouble}; start the server again", trouble=self.trouble)

    def _see_end(self) -> None:
        assert self._ending is not None
        if not self._crew.members and not self._ending.called:
            self._crew.disband()
            self._ending.callback(None)

    def _fill(self, wait: float = 0) -> None:
        """Makes those that are missing, after a while. What fails here is seen to when it is looked next."""
        if self._filling is not None and self._filling.active():
            return
        if wait:
            self._filling = self._reactor.callLater(wait, self._fill)
        elif not self._crew.barren and self._ending is None:
            self._make(self._state.count - len(self._serving))

    def _make(self, count: int) -> Deferred[Any]:
        """So many more. Fires when they serve; why one cannot is in the log, and it is missing again then."""
        return DeferredList([self._begin() for _ in range(count)], consumeErrors=True)

    def _look(self) -> None:
        self._looking = self._reactor.callLater(_LOOK_SECONDS, self._look)
        if self.trouble is not None and not self._crew.barren and self._backoff.is_over(self._reactor.seconds()):
            self.trouble = None
        self._ask_how()
        self._fill()
        for member in self._serving:
            held = resident_bytes(member.pid) if member.pid is not None and member.ready else None
            if held is not None and held > self._state.limits.worker_bytes and self._reactor.seconds() - member.since > _YOUNG_SECONDS:
                log.warn("worker {pid} holds {held} MiB and is replaced", pid=member.pid, held=held >> 20)
                self._replace(member)

    def _replace(self, member: Member) -> None:
        """By another one that serves already when this one begins to drain."""
        member.since = self._reactor.seconds()
        self._begin().addCallbacks(lambda _none: self._give_way(member), lambda _failure: None)

    def _give_way(self, member: Member) -> None:
        self._retire(member)
        self._fill()


def _first(failure: Any) -> Any:
    """Of several that were waited for, the error itself."""
    raise _plain(failure.value.subFailure.value)


def _plain(error: Exception) -> Exception:
    if isinstance(error, Ended):
        return ServerError("worker-failed", f"a worker {error} before it could serve", "the log may tell why; an app.factory must neither end its process nor hang")
    return error
