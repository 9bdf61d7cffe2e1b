"""When to make a worker anew: at once, but not over and over."""

from __future__ import annotations

_WINDOW_SECONDS = 10.0
_MOST_DEATHS = 5
_LONGEST_SECONDS = 30.0


class Backoff:
    """Counts deaths that follow one another closely. Times are of one clock that only goes forward."""

    def __init__(self) -> None:
        self._deaths: list[float] = []
        self._wait = 0.0

    def died(self, now: float) -> float:
        """Seconds to wait after a death: none for the first few, then twice as long each time."""
        if self._deaths and now - self._deaths[-1] > _WINDOW_SECONDS + self._wait:
            self._deaths.clear()
            self._wait = 0.0
        self._deaths = [*self._deaths[-_MOST_DEATHS:], now]
        if len(self._deaths) > _MOST_DEATHS and (self._wait or now - self._deaths[0] <= _WINDOW_SECONDS):
            self._wait = min(_LONGEST_SECONDS, max(1.0, 2 * self._wait))
        return self._wait

    def is_over(self, now: float) -> bool:
        """Whether the deaths have come to an end."""
        return not self._deaths or now - self._deaths[-1] > _WINDOW_SECONDS + self._wait
