"""What was dealt with already, so that a redelivery is not answered twice."""

from collections.abc import Callable, Hashable


class Seen:
    """Remembers keys for `seconds`, at most `size` of them; the oldest is forgotten first."""

    def __init__(self, clock: Callable[[], float], seconds: float = 3600, size: int = 10_000) -> None:
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._until: dict[Hashable, float] = {}

    def add(self, key: Hashable) -> bool:
        """Remember `key` and return whether it is new."""
        now = self._clock()
        if self._until.get(key, now) > now:
            return False
        self._until.pop(key, None)
        self._until[key] = now + self._seconds
        # Kept in the order of entry, so that the oldest is always the first.
        while len(self._until) > self._size:
            del self._until[next(iter(self._until))]
        return True

    def discard(self, key: Hashable) -> None:
        """Forget `key`."""
        self._until.pop(key, None)
