"""What was dealt with already, so that a repetition is not answered twice."""

from collections.abc import Callable, Hashable


class Seen:
    """Remembers keys for a while, the newest `most` of them."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._until: dict[Hashable, float] = {}  # in the order of entry, which is that of expiry

    def add(self, key: Hashable) -> bool:
        """Remember a key; return False if it was known already."""
        now = self._clock()
        if self._until.get(key, 0) > now:
            return False
        self._until.pop(key, None)
        self._until[key] = now + self._seconds
        while len(self._until) > self._most or self._until[next(iter(self._until))] <= now:
            del self._until[next(iter(self._until))]
        return True

    def forget(self, key: Hashable) -> None:
        """Forget a key."""
        self._until.pop(key, None)
