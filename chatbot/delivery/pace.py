"""How fast one lane may send: per conversation, altogether, and for as long as the platform told it to hold."""

import random

from chatbot.delivery.model import Limits

_LONGEST_HOLD = 60.0
#: Seconds without a look that may be made up for: such limits are counted by the minute.
_LOOKS_SAVED = 8.0
#: Conversations remembered; one that was not spoken to for a while may be forgotten.
_REMEMBERED = 4_096


class Pace:
    """Tells when the next message may go. Each call is told the time, in seconds."""

    def __init__(self, limits: Limits) -> None:
        self._per_target = 1 / limits.per_target
        self._per_lane = 1 / limits.per_lane
        self._per_look = 1 / limits.looks
        self._targets: dict[str, float] = {}
        self._next = 0.0
        self._next_look = 0.0
        self._no_look_before = 0.0
        self._refusals = 0
        #: Nothing goes before this moment.
        self.held_until = 0.0

    def lane_moment(self, now: float) -> float:
        """Return when the lane may send its next message."""
        return max(now, self._next, self.held_until)

    def moment(self, target: str, now: float) -> float:
        """Return when a message may go to a conversation."""
        return max(self.lane_moment(now), self._targets.get(target, 0.0))

    def book(self, target: str, moment: float) -> None:
        """Take that moment; the next ones come a beat later."""
        self._next = moment + self._per_lane
        if len(self._targets) > _REMEMBERED:
            self._targets = {name: at for name, at in self._targets.items() if at > moment}
        self._targets[target] = moment + self._per_target

    def book_look(self, now: float) -> float:
        """Take the next moment for looking into a conversation, and return it; a few may follow at once on a pause."""
        booked = max(now, self._next_look)
        self._next_look = booked + self._per_look
        return max(now, booked - _LOOKS_SAVED, self._no_look_before)

    def look_refused(self, until: float) -> None:
        """Note that the platform does not let us look before a moment."""
        self._no_look_before = max(self._no_look_before, until)

    def accepted(self) -> None:
        """Note that the platform takes messages."""
        self._refusals = 0

    def refused(self, target: str, seconds: float | None, everywhere: bool, now: float) -> None:
        """Hold the lane, or its conversation alone, for some seconds after a refusal; None: longer each time."""
        if seconds is None:
            self._refusals += 1
            seconds = min(_LONGEST_HOLD, 0.5 * 2 ** min(self._refusals, 10)) * random.uniform(0.8, 1.2)  # noqa: S311
        if everywhere:
            self.held_until = max(self.held_until, now + seconds)
        else:
            self._targets[target] = max(self._targets.get(target, 0.0), now + seconds)
