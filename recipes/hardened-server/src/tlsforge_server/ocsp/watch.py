"""What is known of one leaf, and when to ask again. Knows no clock and no network: moments come in, decisions go out."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..moments import iso
from .leaf import Leaf
from .response import Refused, Revoked, Staple

#: Between attempts that fail: doubled each time, from the first to the second, and up to a quarter more by chance.
_BACKOFF = timedelta(seconds=60)
_LONGEST_BACKOFF = timedelta(hours=1)
#: A staple is given up so long before its end, so that no client is still looking at it then.
_MARGIN = timedelta(seconds=10)
#: A wall clock that has gone back further than this was set.
_STEP = timedelta(seconds=60)


class Watch:
    """``staple`` is what may be used, ``problem`` why there is none or no later one. ``chance`` is a number from 0 to 1."""

    def __init__(self, leaf: Leaf, now: datetime) -> None:
        self.leaf = leaf
        self.staple: Staple | None = None
        self.problem: str | None = leaf.unaskable or "not asked yet"
        self.is_revoked = False
        self._newest: datetime | None = None
        self._failures = 0
        self._asked: datetime | None = None
        self._planned = self._due = now

    def next_event(self, *, asking: bool) -> datetime | None:
        """When there is something to do, as far as is known now. A staple comes to its end while somebody is being asked, too."""
        events = [] if asking or self.leaf.unaskable is not None else [self._due]
        if self.staple is not None:
            events.append(self.staple.good_until - _MARGIN)
        return min(events, default=None)

    def is_due(self, now: datetime) -> bool:
        return self.leaf.unaskable is None and (now >= self._due or now < self._planned - _STEP)

    def begin(self, now: datetime) -> None:
        """Somebody is being asked."""
        self._asked = now

    def answered(self, staple: Staple, now: datetime, chance: float) -> None:
        """A responder has given a staple. Raises Refused, and keeps what it has, when something later has come before."""
        self.found(staple, now, chance)
        if self._due > now:
            self._failures = 0
        else:
            # An answer that was made long ago, which some responders give until they make the next.
            self._back_off(now, chance)

    def found(self, staple: Staple, now: datetime, chance: float) -> None:
        """A staple was on the shelf: past half of its time somebody is asked at once. Raises Refused as ``answered`` does."""
        if self._newest is not None and staple.this_update < self._newest:
            raise Refused(f"the answer is of {iso(staple.this_update)}, older than that of {iso(self._newest)}")
        self.staple, self.problem, self.is_revoked = staple, None, False
        self._newest = staple.this_update
        self._plan(now, staple.refresh_at + (staple.good_until - staple.refresh_at) * chance / 8)

    def failed(self, reason: str, now: datetime, chance: float) -> None:
        """Nothing to staple has come; what there is stays while it is good."""
        self.problem = reason
        self._back_off(now, chance)

    def revoked(self, said: Revoked, now: datetime, chance: float) -> None:
        """Nothing is stapled, whatever is still good. Raises Refused as ``answered`` does."""
        if self._newest is not None and said.this_update < self._newest:
            raise Refused(f"the answer of {iso(said.this_update)} says {said}, and a later one does not")
        self._newest = said.this_update
        self.staple, self.problem, self.is_revoked = None, str(said), True
        self._plan(now, now + _LONGEST_BACKOFF * (1 + chance / 4))

    def expire(self, now: datetime) -> bool:
        """Gives up a staple that has come to its end; says whether it did."""
        if self.staple is None or now < self.staple.good_until - _MARGIN:
            return False
        self.problem = f"the last was good until {iso(self.staple.good_until)}; {self.problem or 'no later one has come'}"
        self.staple = None
        return True

    def hurry(self, now: datetime) -> None:
        """Somebody has reason to think that it would come now: asks without waiting, but not more often than once in a while."""
        if self.staple is None and (self._asked is None or now - self._asked >= _BACKOFF):
            self._plan(now, now)

    def status(self) -> str | None:
        """For the server's status; None where stapling does not apply."""
        if not self.leaf.applies:
            return None
        return f"good until {iso(self.staple.good_until)}" if self.staple is not None else f"none: {self.problem}"

    def warning(self) -> str | None:
        """What somebody should look at."""
        if self.problem is None or not (self.leaf.applies or self.leaf.must_staple):
            return None
        kept = f"; stapled is one that is good until {iso(self.staple.good_until)}" if self.staple is not None else ""
        return f"{self.leaf.where}: OCSP: {self.problem}{kept}"

    def _back_off(self, now: datetime, chance: float) -> None:
        self._failures += 1
        wait = min(_BACKOFF * 2 ** min(self._failures - 1, 16), _LONGEST_BACKOFF)
        self._plan(now, now + wait * (1 + chance / 4))

    def _plan(self, now: datetime, due: datetime) -> None:
        self._planned, self._due = now, due
