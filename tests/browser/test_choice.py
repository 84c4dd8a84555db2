"""Plain words in a real browser: what is close is offered as a choice, and the choice opens the card, in both panes."""

import pytest
from playwright.async_api import Browser, expect

from chatbot.guidance import Guidance
from chatbot.model import Language
from chatbot.recognition.recogniser import Recogniser
from chatbot.strings import Strings
from tests.browser.pages import PANES, ask, opened, press
from tests.playground_program import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For each language, slips and half sentences of which at least one must be close to two topics.
HALF_SAID = {
    Language.EN: ("callm", "pausse", "he wants an apology now", "what do I say now", "how do I start"),
    Language.DE: ("ruhig bleibn", "pausse", "er will eine Entschuldigung", "was sage ich jetzt", "wie fange ich an"),
    Language.RU: ("спокойн", "пауз", "требует извинений", "что мне сказать", "с чего начать"),
    Language.KA: ("პაუუზა", "სიმშვიდ", "ბოდიშს ითხოვს", "რა ვუთხრა", "როგორ დავიწყო"),
}


@pytest.mark.parametrize("language", list(Language))
async def test_a_choice_opens_the_card(
    here: Program,
    browser: Browser,
    guidance: Guidance,
    strings: Strings,
    recogniser: Recogniser,
    language: Language,
) -> None:
    said = next(text for text in HALF_SAID[language] if recogniser.recognise(text).kind == "choice")
    offered = [guidance.topics[topic].texts[language].title for topic in recogniser.recognise(said).choices]
    async with opened(browser, here, f"/?lang={language}") as page:
        cards = await ask(page, said, strings("reply.choice_title", language))
        for pane in PANES:
            for title in offered:
                await expect(cards[pane].get_by_role("button", name=title, exact=True)).to_be_visible()
            await press(cards[pane], offered[-1])
            await expect(cards[pane]).to_contain_text(
                next(t for t in guidance.topics.values() if t.texts[language].title == offered[-1]).texts[language].lead
            )
