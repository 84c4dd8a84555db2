"""Makes the message of a row at the moment it is sent, so that it says what the guidance says by then."""

import json
from typing import TYPE_CHECKING

from chatbot.delivery.model import Delivery
from chatbot.model import Language, Reply

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.daily_tips import DailyTips


class Composer:
    """Knows each kind of row."""

    def __init__(self, coach: "Coach") -> None:
        self._coach = coach
        self.tips: DailyTips | None = None

    async def compose(self, delivery: Delivery) -> Reply | None:
        """Return the message of a row; None if there is nothing left to say."""
        from chatbot import tip_cards  # with dates and holidays: loaded when there is something to send
        from chatbot.tip_cards import Voice

        content = json.loads(delivery.content)
        language = Language(content["language"])
        voice = Voice(language, self._coach.strings, self._coach.guidance)
        match delivery.kind:
            case "tips.tip" | "tips.now" if self.tips:
                return tip_cards.tip_card(voice, self.tips, content["tips"])
            case "tips.intro" if self.tips:
                subscription = await self.tips.store.by_id(int(delivery.source.removeprefix("tips:")))
                return tip_cards.introduction(voice, subscription, content["by"]) if subscription else None
            case _:
                return None
