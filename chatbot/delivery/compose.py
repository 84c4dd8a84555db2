"""Makes the message of a row at the moment it is sent, so that it says what the guidance says by then.

Whether a person wants quiet is asked then too: between writing a row and sending it may lie a day.
"""

import json
from typing import TYPE_CHECKING

from chatbot.delivery.model import Delivery, Skip
from chatbot.model import Language, Reply

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.daily_tips import DailyTips
    from chatbot.freshness import Freshness
    from chatbot.pushing import Pushes
    from chatbot.voice import Voice


class Composer:
    """Knows each kind of row."""

    def __init__(self, coach: "Coach") -> None:
        self._coach = coach
        self.tips: DailyTips | None = None
        self.pushes: Pushes | None = None
        self.freshness: Freshness | None = None

    async def compose(self, delivery: Delivery) -> Reply | Skip | None:
        """Return the message of a row; None if there is nothing left to say, Skip if it should not be said now."""
        from chatbot import tip_cards  # with dates and holidays: loaded when there is something to send
        from chatbot.voice import Voice

        content = json.loads(delivery.content)
        language = Language(content["language"])
        voice = Voice(language, self._coach.strings, await self._coach.guidance_of(delivery.lane))
        match delivery.kind:
            case "tips.tip" | "tips.now" if self.tips:
                if await self.tips.is_quiet(delivery):
                    return Skip("quiet")
                return tip_cards.tip_card(voice, content["tips"])
            case "tips.intro" if self.tips:
                subscription = await self.tips.store.by_id(int(delivery.source.removeprefix("tips:")))
                return tip_cards.introduction(voice, subscription, content["by"]) if subscription else None
            case "fresh.remind" if self.freshness:
                return await self.freshness.compose(voice, content)
            case kind if kind.startswith("push.") and self.pushes:
                return await self._push(voice, delivery)
            case _:
                return None

    async def _push(self, voice: "Voice", delivery: Delivery) -> Reply | Skip | None:
        """Return what a push says by now: read anew for each row, so that a change holds from one row to the next."""
        from chatbot import push_cards

        assert self.pushes is not None  # noqa: S101 - it was asked for
        found = await self.pushes.store.find(int(delivery.source.removeprefix("push:")))
        reply = push_cards.compose(voice, found, delivery.kind) if found else None
        if found and reply and await self.pushes.is_quiet(found, delivery):
            return Skip("quiet")
        return reply
