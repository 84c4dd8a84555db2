"""The walk through the seven steps and the archetype finder, in a real browser, in every language, in both panes."""

from collections import deque

import pytest
from playwright.async_api import Browser, expect

from chatbot.guidance import Guidance
from chatbot.model import Language
from chatbot.strings import Strings
from tests.browser.pages import ask, opened, press
from tests.playground_program import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("language", list(Language))
async def test_the_walk_to_the_end_and_back(
    here: Program, browser: Browser, guidance: Guidance, strings: Strings, language: Language
) -> None:
    titles = [
        strings("card.step", language, number=number, title=topic.texts[language].title)
        for number, topic in enumerate(guidance.of_kind("step"), 1)
    ]
    on, back, away, done = (
        strings(f"button.{name}", language) for name in ("step_next", "step_back", "let_go", "done")
    )
    async with opened(browser, here, f"/?lang={language}") as page:
        for pane, card in (await ask(page, "/steady steps", titles[0])).items():
            for title in titles[1:]:
                await press(card, on)
                await expect(card).to_contain_text(title)
            await expect(card.get_by_role("button", name=on, exact=True)).to_have_count(0)
            for title in reversed(titles[:-1]):
                await press(card, back)
                await expect(card).to_contain_text(title)
            for title in titles[1:3]:
                await press(card, on)
                await expect(card).to_contain_text(title)
            await press(card, away)
            await expect(card).to_contain_text(guidance.topics["let-go"].texts[language].lead)
            await press(card, back)
            await expect(card).to_contain_text(titles[2])
            await press(card, away)
            await press(card, done)
            await expect(card).to_contain_text(strings("reply.walk_let_go_title", language))
            await expect(card.get_by_role("button")).to_have_count(0)
            assert await page.locator(f"#{pane} .post.steady").count() <= 2, "one living message"


def shortest_paths(guidance: Guidance, language: Language) -> dict[str, tuple[str, ...]]:
    """Return for each archetype the answers of a shortest path to it."""
    found: dict[str, tuple[str, ...]] = {}
    todo: deque[tuple[str, tuple[str, ...]]] = deque([("start", ())])
    while todo:
        name, path = todo.popleft()
        for answer in guidance.finder[name].answers:
            step = (*path, answer.text[language])
            if answer.to in guidance.finder:
                todo.append((answer.to, step))
            else:
                found.setdefault(answer.to, step)
    return found


@pytest.mark.parametrize("language", list(Language))
async def test_the_finder_to_each_archetype(
    here: Program, browser: Browser, guidance: Guidance, strings: Strings, language: Language
) -> None:
    paths = shortest_paths(guidance, language)
    assert paths.keys() == {topic.id for topic in guidance.of_kind("archetype")}
    first = guidance.finder["start"].text[language]
    async with opened(browser, here, f"/?lang={language}") as page:
        for card in (await ask(page, "/steady who", first)).values():
            for archetype, path in paths.items():
                for place, answer in enumerate(path):
                    await press(card, answer)
                    change = strings("button.take_back", language, answer=answer)
                    await expect(card.get_by_role("button", name=change, exact=True)).to_be_visible()
                    assert place < 3
                topic = guidance.topics[archetype].texts[language]
                await expect(card).to_contain_text(topic.title)
                await expect(card).to_contain_text(topic.lead)
                await press(card, strings("button.take_back", language, answer=path[0]))
                await expect(card).to_contain_text(first)
