"""How often somebody may ask: a bucket of requests each, filled again as time goes by."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil

#: Buckets kept; the one longest untouched goes first.
MOST_BUCKETS = 10_000


class Limiter:
    """Allows `per_minute` requests a minute to each key, all at once if they like. The clock gives seconds."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """Count a request and return 0; or return how many seconds it comes too early, and count nothing."""
        now = self._clock()
        left, at = self._buckets.pop(key, (float(self._per_minute), now))
        left = min(self._per_minute, left + max(0.0, now - at) * self._per_minute / 60)
        refused = left < 1
        self._buckets[key] = (left if refused else left - 1, now)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return ceil((1 - left) * 60 / self._per_minute) if refused else 0
