"""How many connections there may be, in all and from one address."""

from __future__ import annotations

from collections import Counter


class Caps:
    """Counts by address; beyond a cap nothing is taken."""

    def __init__(self, total: int, per_address: int) -> None:
        self._total = total
        self._per_address = per_address
        self._by_address: Counter[str] = Counter()
        self.open = 0
        self.refused = 0

    def take(self, address: str) -> bool:
        if self.open >= self._total or self._by_address[address] >= self._per_address:
            self.refused += 1
            return False
        self.open += 1
        self._by_address[address] += 1
        return True

    def give(self, address: str) -> None:
        self.open -= 1
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]
