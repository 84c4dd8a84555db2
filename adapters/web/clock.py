"""The playground's own time: real time, and how far the page has moved it ahead. The adapters keep to real time."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from chatbot.daily_tips import Subscription
from chatbot.tips import clock_change

#: Each day that is passed over is looked at, so there is an end to it.
FARTHEST = timedelta(days=5 * 366)
_JUST_BEFORE = timedelta(seconds=3)
_DAY = timedelta(days=1)
_A_YEAR = timedelta(days=370)


class Clock:
    """Gives seconds since 1970; it is moved forward, and back only to real time."""

    def __init__(self, real: Callable[[], float]) -> None:
        self.real = real
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the playground's time."""
        return self.real() + self._ahead

    @property
    def now(self) -> datetime:
        """Return the playground's time in UTC."""
        return datetime.fromtimestamp(self(), UTC)

    def move(self, to: datetime) -> str:
        """Move to a moment and return ""; or, if that is in the past or too far away, return "back" or "far"."""
        if to < self.now:
            return "back"
        if to.timestamp() > self.real() + FARTHEST.total_seconds():
            return "far"
        self._ahead = to.timestamp() - self.real()
        return ""

    def reset(self) -> None:
        """Go back to real time."""
        self._ahead = 0.0


def before_next_tip(subscriptions: Iterable[Subscription], now: datetime) -> datetime | None:
    """Return the moment just before the next tip; None if none is to come, or it is due by then."""
    runs = [each.next_run.at - _JUST_BEFORE for each in subscriptions if each.next_run]
    return min((moment for moment in runs if moment > now), default=None)


def before_clock_change(subscriptions: Iterable[Subscription], now: datetime) -> datetime | None:
    """Return the moment a day before the next change of the clocks in a schedule's zone; None if there is none."""
    zones = {each.schedule.zone for each in subscriptions}
    changes = [change.at - _DAY for zone in zones if (change := clock_change(zone, now + _DAY, _A_YEAR))]
    return min(changes, default=None)
