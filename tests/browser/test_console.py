"""The leads' console in a real browser: from the first word of a card to what agents see, and what became of it."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from chatbot.coach import Coach
from chatbot.insights import Group, week_of
from chatbot.model import Language
from tests.browser import pages
from tests.browser.pages import DESKTOP, PHONE, last, violations
from tests.console_program import ADMIN, HOME, LEAD, running
from tests.playground_program import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANNELS = ("support-desk", "returns", "billing")
WORDS = {
    "en": {
        "title": "Parcel left in the rain",
        "lead": "Say sorry first, then offer a new one.",
        "steps": "Ask for a picture of the parcel.\nSend a new one today.",
        "say": "I am sorry, that must not happen. A new one leaves us today.",
        "aliases": "wet parcel",
        "phrases": "the delivery was left in the rain and is soaked\nhis parcel got all wet outside",
        "tip": "A picture of the parcel saves three questions.",
    },
    "de": {
        "title": "Paket im Regen",
        "lead": "Erst um Verzeihung bitten, dann Ersatz anbieten.",
        "steps": "Um ein Bild des Pakets bitten.\nHeute Ersatz senden.",
        "say": "Das tut mir leid, das darf nicht vorkommen.",
        "aliases": "nasses paket",
        "phrases": "das paket lag im regen",
        "tip": "Ein Bild spart drei Fragen.",
    },
    "ru": {
        "title": "Посылка под дождём",
        "lead": "Сначала извинитесь, потом предложите замену.",
        "steps": "Попросите снимок посылки.\nОтправьте замену сегодня.",
        "say": "Простите, такого не должно быть.",
        "aliases": "мокрая посылка",
        "phrases": "посылку оставили под дождём",
        "tip": "Снимок экономит три вопроса.",
    },
    "ka": {
        "title": "ამანათი წვიმაში",
        "lead": "ჯერ ბოდიში მოუხადეთ, მერე შესთავაზეთ ახალი.",
        "steps": "სთხოვეთ ამანათის სურათი.\nდღესვე გაუგზავნეთ ახალი.",
        "say": "ბოდიშს გიხდით, ასე არ უნდა მომხდარიყო.",
        "aliases": "სველი ამანათი",
        "phrases": "ამანათი წვიმაში დატოვეს",
        "tip": "სურათი სამ კითხვას ზოგავს.",
    },
}


#: The console's pages say what is wrong, with a status that is an error.
opened = partial(pages.opened, refusals=True, locale="en-GB")


async def all_say(posts: Locator, words: str, *, instead_of: str) -> None:
    """Look at what was changed in place: one post in each channel, with the new words alone."""
    for name in CHANNELS:
        post = posts.filter(has_text=f"#{name}")
        await expect(post).to_contain_text(words)
        await expect(post).to_contain_text("updated")
        await expect(post).not_to_contain_text(instead_of)
    await expect(posts).to_have_count(len(CHANNELS))


async def fine(page: Page, name: str = "") -> None:
    """Fail if axe finds something or the page scrolls sideways; keep a picture where SCREENSHOTS says."""
    folder = os.environ.get("SCREENSHOTS")
    if folder and name:
        await page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "the page scrolls sideways"


async def pick(page: Page, person: str = "Lena Vogt – Slack") -> None:
    async with page.expect_navigation():
        await page.get_by_role("link", name=person, exact=True).click()


async def fill(page: Page, languages: tuple[str, ...] = ("en", "de", "ru", "ka")) -> None:
    for language in languages:
        first = page.locator(f"#title-{language}")
        await first.wait_for(state="attached")
        if not await first.is_visible():
            await page.locator("summary", has=page.locator(f"h2[lang={language}]")).click()
        for name, text in WORDS[language].items():
            await page.locator(f"#{name}-{language}").fill(text)


async def ask(page: Page, text: str, pane: str = "slack") -> Locator:
    await page.get_by_label("Message to Steady").fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#{pane} .post").last).to_have_class("post steady")
    return last(page, pane)


def figure(page: Page, label: str) -> Locator:
    return page.locator("#figures dl div", has=page.get_by_text(label, exact=True)).locator("dd")


@pytest.mark.parametrize("pane", ["slack", "teams"])
async def test_from_writing_in_four_languages_to_taking_a_push_back(here: Program, browser: Browser, pane: str) -> None:
    async with opened(browser, here, "/lead") as page:
        await expect(page).to_have_url(f"{here.origin}/lead/sign-in?next=/lead")
        await fine(page, "sign-in")
        await pick(page, "Lena Vogt – Slack" if pane == "slack" else "Lena Vogt – Microsoft Teams")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your team's guidance")
        await fine(page, "empty")
        await page.get_by_role("link", name="Write something new").click()
        await fill(page)
        await page.get_by_role("button", name="Check and preview").click()
        await expect(page.get_by_role("status")).to_contain_text("Nothing stands in the way")
        for language in ("de", "ru", "ka"):
            await page.locator(".preview summary", has=page.locator(f"h3[lang={language}]")).click()
        for language, words in WORDS.items():
            shown = page.locator(".preview", has=page.locator(f"h3[lang={language}]"))
            await expect(shown.locator(".blocks")).to_contain_text(words["lead"])
            await expect(shown.locator("teams-card .ac-adaptiveCard")).to_contain_text(words["lead"])
        await fine(page, "write")
        await page.get_by_role("button", name="Save the draft").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Parcel left in the rain")
        await fine(page, "draft")
        await page.get_by_role("button", name="Publish", exact=True).click()
        await expect(page.locator(".facts-of")).to_contain_text("published")
        await fine(page, "published")
        await agents_find_it(page, here, pane)
        await a_push_comes_changes_and_goes(page, here, pane)


async def agents_find_it(page: Page, here: Program, pane: str) -> None:
    """Ask by another name and in plain words; the other workspace knows nothing of it."""
    other = "teams" if pane == "slack" else "slack"
    await page.goto(f"{here.origin}/?lang=en")
    for words in ("/steady wet parcel", "his parcel got all wet outside"):
        await expect(await ask(page, words, pane)).to_contain_text(WORDS["en"]["lead"])
        await expect(page.locator(f"#{other} .post.agent", has_text=words)).to_be_visible()
    await expect(page.locator(f"#{other} .post.steady")).to_have_count(2)
    await expect(page.locator(f"#{other}")).not_to_contain_text(WORDS["en"]["lead"])
    await page.goto(f"{here.origin}/?lang=ka")
    await page.locator("#text").fill(WORDS["ka"]["aliases"])
    await page.keyboard.press("Enter")
    await expect(last(page, pane)).to_contain_text(WORDS["ka"]["lead"])


async def a_push_comes_changes_and_goes(page: Page, here: Program, pane: str) -> None:
    """Push the piece to three channels, correct it where it stands, take it back; an agent's page is open meanwhile."""
    agents = await page.context.new_page()
    await agents.goto(f"{here.origin}/?lang=en")
    to_channels = agents.locator(f"#{pane} .post.steady").filter(has_text=re.compile("#(support-desk|returns|billing)"))
    await page.goto(f"{here.origin}/lead/pieces/1")
    await page.get_by_role("link", name="Send to channels").click()
    await expect(page.get_by_label("A published card")).to_have_value("1")
    await page.get_by_label("Only these channels", exact=True).first.check()
    for name in CHANNELS:
        await page.get_by_label(name, exact=True).check()
    await fine(page, "push-of-piece")
    await page.get_by_role("button", name="Next").click()
    await expect(page.locator(".estimate")).to_contain_text("Channels: 3")
    await expect(to_channels).to_have_count(0)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator("#figures")).to_contain_text("Sending is finished.")
    await expect(page.get_by_role("button", name="Stop sending")).to_have_count(0)
    await expect(figure(page, "sent")).to_have_text("3")
    await expect(to_channels).to_have_count(3)
    for name in CHANNELS:
        await expect(to_channels.filter(has_text=f"#{name}")).to_contain_text(WORDS["en"]["lead"])
    await page.get_by_role("link", name="Correct").click()
    await page.locator("#lead-en").fill("Offer a new one first, then say sorry.")
    await page.get_by_role("button", name="Correct it everywhere").click()
    await expect(page.locator("#figures")).to_contain_text("Changed in place: 3; still to do: 0")
    await all_say(to_channels, "Offer a new one first, then say sorry.", instead_of=WORDS["en"]["lead"])
    await page.get_by_role("button", name="Take it back").click()
    await expect(page.locator("#figures")).to_contain_text("Taken back.")
    await all_say(to_channels, "Please do not go by it any more.", instead_of="Offer a new one first")
    await page.reload()
    await expect(figure(page, "sent")).to_have_text("3")
    for label in ("waiting", "failed", "unknown", "skipped", "cancelled"):
        await expect(figure(page, label)).to_have_text("0")
    await expect(page.locator("#figures")).to_contain_text("Changed in place: 3; still to do: 0")
    await fine(page, "taken-back")
    await fine(agents, "agents")
    await agents.close()


async def test_published_is_found_by_plain_words(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead/write") as page:
        await pick(page)
        await fill(page, ("en", "de"))
        await page.get_by_role("button", name="Save the draft").click()
        await page.get_by_role("button", name="Publish", exact=True).click()
        await page.goto(f"{here.origin}/?lang=en")
        await expect(await ask(page, "his parcel got all wet outside")).to_contain_text(WORDS["en"]["lead"])
        # The other workspace knows nothing of it.
        await expect(last(page, "teams")).not_to_contain_text(WORDS["en"]["lead"])


async def test_what_is_wrong_appears_at_its_field_while_typing(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead/write") as page:
        await pick(page, "Sam Carter – Microsoft Teams")
        await page.locator("#title-en").fill("help")
        await expect(page.locator("#title-en-wrong")).to_contain_text("is a command")
        await expect(page.locator("#title-en")).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("#lead-en-wrong")).to_contain_text("This must not be empty.")
        await fine(page, "wrong")
        await page.locator("#title-en").fill("Parcel left in the rain")
        await expect(page.locator("#title-en-wrong")).not_to_contain_text("is a command")
        await page.get_by_role("button", name="Save the draft").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page.locator("#title-en")).to_have_value("Parcel left in the rain")


async def test_what_was_typed_before_the_script_ran_is_looked_at_too(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead/write") as page:

        async def late(route: Route) -> None:
            await expect(page.locator("#title-en")).to_have_value("help")
            await route.continue_()

        await page.route("**/write.js*", late)
        await page.get_by_role("link", name="Sam Carter – Microsoft Teams", exact=True).click()
        await page.locator("#title-en").fill("help")
        await expect(page.locator("#title-en-wrong")).to_contain_text("is a command")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_another_language_loses_nothing_that_was_typed(here: Program, browser: Browser, script: bool) -> None:
    async with opened(browser, here, "/lead/write", java_script_enabled=script) as page:
        await page.get_by_role("link", name="Deutsch").click()
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await pick(page)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Neues schreiben")
        await fill(page, ("de",))
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Write something new")
        for name, text in WORDS["de"].items():
            await expect(page.locator(f"#{name}-de")).to_have_value(text)
        await expect(page.get_by_text("Nothing stands in the way")).to_have_count(0)
        await page.locator("#title-de").press("Enter")
        await expect(page.get_by_text("Nothing stands in the way")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("lang", "en")


async def test_everything_is_done_by_keyboard(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead/write") as page:

        async def reach(target: Locator) -> None:
            for _ in range(120):
                await page.keyboard.press("Tab")
                if await target.evaluate("it => it === document.activeElement"):
                    return
            raise AssertionError(f"{target} can't be reached by Tab")

        await reach(page.get_by_role("link", name="Lena Vogt – Slack", exact=True))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Write something new")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        for name, text in WORDS["en"].items():
            await reach(page.locator(f"#{name}-en"))
            for number, line in enumerate(text.split("\n")):
                if number:
                    await page.keyboard.press("Enter")
                await page.keyboard.type(line)
        await reach(page.get_by_role("button", name="Save the draft"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Parcel left in the rain")
        await reach(page.get_by_role("button", name="Publish", exact=True))
        await page.keyboard.press("Enter")
        await expect(page.locator(".facts-of")).to_contain_text("published")


async def test_without_javascript_everything_works(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead/write", java_script_enabled=False) as page:
        await pick(page)
        await fill(page, ("en",))
        await page.get_by_role("button", name="Check and preview").click()
        await expect(page.locator("teams-card pre")).to_contain_text(WORDS["en"]["lead"])
        await page.get_by_role("button", name="Save the draft").click()
        await page.get_by_role("button", name="Publish", exact=True).click()
        await expect(page.locator(".facts-of")).to_contain_text("published")


async def test_a_push_from_the_estimate_to_taking_it_back(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead/pushes/new") as page:
        await pick(page)
        await fine(page, "push-new")
        await page.get_by_label("Title").fill("Outage")
        await page.get_by_label("The text").fill("Payments are down. Do not promise a time.")
        await page.get_by_role("button", name="Next").click()
        await expect(page.locator(".estimate")).to_contain_text("Channels: 3")
        await fine(page, "estimate")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator("#figures")).to_contain_text("Sending is finished.")
        await expect(figure(page, "sent")).to_have_text("3")
        await fine(page, "delivery")
        await page.get_by_role("link", name="Correct").click()
        await page.locator("#lead-en").fill("Payments are back.")
        await page.get_by_role("button", name="Correct it everywhere").click()
        await expect(page.locator("#figures")).to_contain_text("Changed in place: 3; still to do: 0")
        await page.get_by_role("button", name="Take it back").click()
        await expect(page.locator("#figures")).to_contain_text("Taken back.")


@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)],
    ids=["dark", "light phone", "dark phone"],
)
async def test_every_page_is_readable(here: Program, browser: Browser, scheme: str, viewport: dict[str, int]) -> None:
    kind = f"{scheme}-{viewport['width']}"
    async with opened(browser, here, "/lead/write?lang=ka", color_scheme=scheme, viewport=viewport) as page:
        await fine(page)
        await pick(page, "Nino Beridze – Slack")
        await fill(page)
        await page.locator("[value=preview]").click()
        await fine(page, f"write-{kind}")
        await page.locator("[value=save]").click()
        await page.locator("[value=publish]").click()
        await fine(page, f"piece-{kind}")
        for path in (
            "",
            "/pushes",
            "/pushes/new",
            "/insights",
            "/people",
            "/audit",
            "/pieces/1/versions/1",
            "/nowhere",
        ):
            await page.goto(f"{here.origin}/lead{path}")
            await fine(page, f"{path.strip('/').replace('/', '-') or 'all'}-{kind}")
        await page.goto(f"{here.origin}/lead/pushes/new?piece=1")
        await page.locator("form#piece .primary").click()
        await fine(page, f"push-estimate-{kind}")
        await page.locator("[value=start]").click()
        await expect(page.locator("#figures dd").nth(1)).to_have_text("3")
        await fine(page, f"push-sent-{kind}")
        await page.goto(f"{here.origin}/lead/pushes")
        await fine(page, f"pushes-with-one-{kind}")
        await page.goto(f"{here.origin}/lead/pushes/1/correct")
        await fine(page, f"push-correct-{kind}")


@pytest.mark.parametrize(
    ("scheme", "viewport", "language"),
    [("light", DESKTOP, "en"), ("dark", DESKTOP, "de"), ("dark", PHONE, "ka")],
    ids=["light", "dark", "dark phone"],
)
async def test_the_charts_are_readable(
    coach: Coach,
    new_database: Callable[[str], str],
    browser: Browser,
    scheme: str,
    viewport: dict[str, int],
    language: str,
) -> None:
    async with running(coach, new_database("sqlite")) as console:
        lead, admin = await console.signed_in(LEAD), await console.signed_in(ADMIN)
        await admin.post("/lead/insights", {"on": "yes"})
        weeks = [week_of(console.now[0] - timedelta(weeks=ago)) for ago in range(12)]
        topics = {"calm": 7, "pause": 30, "archetype/whiner": 11, "step/listen": 1234}
        asked = {
            Group(HOME, week, tongue, "asked", topic): 5 + many * (1 + number * place % 7)
            for number, week in enumerate(weeks)
            for place, tongue in enumerate(Language, 1)
            for topic, many in topics.items()
        }
        unheard = [Group(HOME, weeks[0], Language.DE, "words", "sie legt einfach auf und ruft dann gleich wieder an")]
        await console.insights._store.add(asked, unheard)
        looks: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
        async with await browser.new_context(**looks) as surroundings:
            url = str(console.client.make_url("/lead"))
            await surroundings.add_cookies([{"name": n, "value": v, "url": url} for n, v in lead.cookies.items()])
            page = await surroundings.new_page()
            await page.goto(f"{url}/insights?lang={language}")
            await expect(page.locator("figure svg")).to_have_count(4)
            await fine(page, f"charts-{scheme}-{viewport['width']}")
