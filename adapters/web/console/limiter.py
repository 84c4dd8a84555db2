"""How often somebody may ask: a bucket of requests each, filled again as time goes by."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from math import ceil

from aiohttp import web

#: Buckets kept; the one longest untouched goes first.
MOST_BUCKETS = 10_000


def address_of(request: web.Request, proxies: int) -> str:
    """Return the address that a request comes from, as the outermost of `proxies` saw it.

    Each proxy adds whom it was asked by at the right end of X-Forwarded-For; what stands further left anybody may have
    made up. Where fewer stand there, or no address, it is the one that the connection comes from.
    """
    told = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",") if proxies else []
    seen = told[-proxies].strip() if len(told) >= proxies > 0 else ""
    # Some proxies add the port as well: "203.0.113.7:5000", "[2001:db8::7]:5000".
    bare = seen[1:].partition("]")[0] if seen.startswith("[") else seen.partition(":")[0] if "." in seen else seen
    try:
        return str(ip_address(bare))
    except ValueError:
        return request.remote or ""


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
