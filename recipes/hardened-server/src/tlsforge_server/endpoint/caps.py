"""How many connections there may be, in all and from one address."""

from __future__ import annotations


class Caps:
    """Counts by address; beyond a cap nothing is taken."""

    def __init__(self, total: int, per_address: int) -> None:
        self._total = total
        self._per_address = per_address
        self._by_address: dict[str, int] = {}
        self.open = 0

    def take(self, address: str) -> bool:
        held = self._by_address.get(address, 0)
        if self.open >= self._total or held >= self._per_address:
            return False
        self.open += 1
        self._by_address[address] = held + 1
        return True

    def give(self, address: str) -> None:
        self.open -= 1
        held = self._by_address[address] - 1
        if held:
            self._by_address[address] = held
        else:
            del self._by_address[address]
