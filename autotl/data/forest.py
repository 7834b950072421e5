"""Sets that grow together: who belongs with whom, when it is found out pair by pair."""

from __future__ import annotations

from collections import defaultdict


class Forest:
    """Numbers from 0 in disjoint sets, each known by its least member; `joins` counts how often two became one."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))
        self.joins = 0

    def root(self, one: int) -> int:
        """Return the least member of the set that a number is in."""
        top = one
        while self._parents[top] != top:
            top = self._parents[top]
        while self._parents[one] != top:  # so that the next look takes one step
            self._parents[one], one = top, self._parents[one]
        return top

    def join(self, one: int, other: int) -> None:
        """Make one set of the sets that two numbers are in."""
        low, high = sorted((self.root(one), self.root(other)))
        self._parents[high] = low
        self.joins += low != high

    def together(self, one: int, other: int) -> bool:
        """Return whether two numbers are in one set."""
        return self.root(one) == self.root(other)

    def roots(self) -> tuple[int, ...]:
        """Return the least member of its set for each number."""
        return tuple(map(self.root, range(len(self._parents))))

    def sets(self) -> list[list[int]]:
        """Return the sets of two and more, members ascending."""
        grown: dict[int, list[int]] = defaultdict(list)
        for one, root in enumerate(self.roots()):
            grown[root].append(one)
        return [members for members in grown.values() if len(members) > 1]
