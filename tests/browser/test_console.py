"""The leads' console in a real browser: from the first word of a card to what agents see, and what became of it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.chromium import chromium
from tests.browser.test_playground import DESKTOP, PHONE, last, violations
from tests.playground_program import Program, program

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


@pytest_asyncio.fixture(loop_scope="module")
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    async with program(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@asynccontextmanager
async def opened(browser: Browser, here: Program, path: str, **context: Any) -> AsyncIterator[Page]:
    """Open a page; afterwards, there must have been no error, and no request to anybody else."""
    troubles: list[str] = []
    hosts: set[str] = set()
    async with await browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **context}) as surroundings:
        page = await surroundings.new_page()
        page.on("console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        # A page that says what is wrong is no trouble; a file that is missing is.
        page.on(
            "response",
            lambda r: troubles.append(r.url) if r.status >= 400 and r.request.resource_type != "document" else None,
        )
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        await page.goto(f"{here.origin}{path}")
        yield page
        assert [trouble for trouble in troubles if "Failed to load resource" not in trouble] == []
        assert hosts == {urlsplit(here.origin).netloc}


async def fine(page: Page, name: str = "") -> None:
    """Fail if axe finds something or the page scrolls sideways; keep a picture where SCREENSHOTS says."""
    folder = os.environ.get("SCREENSHOTS")
    if folder and name:
        await page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "the page scrolls sideways"


async def pick(page: Page, person: str = "Lena Vogt – Slack") -> None:
    await page.get_by_role("link", name=person, exact=True).click()


async def fill(page: Page, languages: tuple[str, ...] = ("en", "de", "ru", "ka")) -> None:
    for language in languages:
        first = page.locator(f"#title-{language}")
        await first.wait_for(state="attached")
        if not await first.is_visible():
            await page.locator("summary", has=page.locator(f"h2[lang={language}]")).click()
        for name, text in WORDS[language].items():
            await page.locator(f"#{name}-{language}").fill(text)


async def ask(page: Page, text: str) -> Locator:
    await page.get_by_label("Message to Steady").fill(text)
    await page.keyboard.press("Enter")
    return last(page, "slack")


async def test_from_writing_in_four_languages_to_what_agents_find(here: Program, browser: Browser) -> None:
    async with opened(browser, here, "/lead") as page:
        await expect(page).to_have_url(f"{here.origin}/lead/sign-in?next=/lead")
        await fine(page, "sign-in")
        await pick(page)
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
        await page.goto(f"{here.origin}/?lang=en")
        await expect(await ask(page, "/steady wet parcel")).to_contain_text(WORDS["en"]["lead"])
        await page.goto(f"{here.origin}/?lang=ka")
        await page.locator("#text").fill("სველი ამანათი")
        await page.keyboard.press("Enter")
        await expect(last(page, "slack")).to_contain_text(WORDS["ka"]["lead"])


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
    async with opened(browser, here, "/?lang=en") as page:
        # Steady has to have been spoken to in the channel to know of it.
        await page.get_by_label("You write in").select_option("channel")
        await expect(await ask(page, "/steady calm")).to_be_visible()
        await page.goto(f"{here.origin}/lead/pushes/new")
        await pick(page)
        await fine(page, "push-new")
        await page.get_by_label("Title").fill("Outage")
        await page.get_by_label("The text").fill("Payments are down. Do not promise a time.")
        await page.get_by_role("button", name="Next").click()
        await expect(page.locator(".estimate")).to_contain_text("Channels: 1")
        await fine(page, "estimate")
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.locator("#figures")).to_contain_text("Sending is finished.")
        await expect(page.locator("#figures dl div").nth(1).locator("dd")).to_have_text("1")
        await fine(page, "delivery")
        await page.get_by_role("link", name="Correct").click()
        await page.locator("#lead-en").fill("Payments are back.")
        await page.get_by_role("button", name="Correct it everywhere").click()
        await expect(page.locator("#figures")).to_contain_text("Changed in place: 1; still to do: 0")
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
