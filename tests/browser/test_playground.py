"""The playground in a real browser, with its real policy: what a newcomer does first."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.chromium import chromium
from tests.playground_program import Program, program

pytestmark = pytest.mark.asyncio(loop_scope="module")  # starting a browser takes longest: once is enough

AXE = Path(__file__).parents[2] / "adapters" / "web" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@asynccontextmanager
async def opened(browser: Browser, here: Program, query: str = "lang=en", **context: Any) -> AsyncIterator[Page]:
    """Open the page; afterwards, there must have been no error and no request to anybody else."""
    troubles: list[str] = []
    hosts: set[str] = set()
    async with await browser.new_context(**{"viewport": DESKTOP, **context}) as surroundings:
        page = await surroundings.new_page()
        page.on("console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        await page.goto(f"{here.origin}/?{query}")
        yield page
        assert troubles == []
        assert hosts == {urlsplit(here.origin).netloc}


@pytest_asyncio.fixture(loop_scope="module")
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    async with program(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def type_in(page: Page, text: str) -> None:
    await page.get_by_label("Message to Steady").fill(text)
    await page.keyboard.press("Enter")


def last(page: Page, pane: str) -> Locator:
    return page.locator(f"#{pane} .post.steady").last


async def violations(page: Page) -> list[str]:
    """Return what axe finds. It runs in a world of its own, where the page's policy has no say."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Page.getFrameTree")
    world = await session.send(
        "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "axe"}
    )
    where = {"contextId": world["executionContextId"], "awaitPromise": True, "returnByValue": True}
    await session.send("Runtime.evaluate", {**where, "expression": f"{AXE.read_text(encoding='utf-8')};0"})
    found = await session.send("Runtime.evaluate", {**where, "expression": "axe.run(document)"})
    assert "exceptionDetails" not in found, found
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in found["result"]["value"]["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)],
    ids=["light", "dark", "light phone", "dark phone"],
)
async def test_ask_press_and_read(here: Program, browser: Browser, scheme: str, viewport: dict[str, int]) -> None:
    async with opened(browser, here, color_scheme=scheme, viewport=viewport) as page:
        await type_in(page, "/calm")
        await type_in(page, "/archetype whiner")
        for pane in ("slack", "teams"):
            if viewport is PHONE:
                await page.locator(f"[data-show={pane}]").click()
            card = last(page, pane)
            await expect(card.get_by_role("heading", name="The whiner")).to_be_visible()
            whole = await card.get_attribute("id")
            await card.get_by_role("button", name="More", exact=True).click()
            await expect(page.locator(f"#{whole}")).to_contain_text("updated")
            await expect(page.locator(f"#{whole}")).to_contain_text("Why it works")
            await expect(page.locator(f"#{whole}")).to_be_focused()
            await expect(page.locator(f"#{pane} .post.steady")).to_have_count(2)
            await page.locator(f"#{whole} summary").click()
            assert await violations(page) == []
        await page.locator(".wire > summary").click()
        await expect(page.locator("#wire")).to_contain_text("POST /api/messages")
        assert await violations(page) == []
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, "the page scrolls sideways"


@pytest.mark.parametrize("pane", ["slack", "teams"])
async def test_a_field_in_a_card_works_by_button_and_by_enter(here: Program, browser: Browser, pane: str) -> None:
    async with opened(browser, here) as page:
        await type_in(page, "topics")
        line = last(page, pane).get_by_label("In your own words")
        await line.fill("whiner")
        if pane == "slack":
            await line.press("Enter")
        else:
            await last(page, pane).get_by_role("button", name="Ask", exact=True).click()
        await expect(last(page, pane)).to_contain_text("The whiner")
        await expect(last(page, pane)).to_contain_text("updated")
        await expect(page.locator("#said")).to_contain_text("The whiner")
        assert await violations(page) == []


async def test_everything_is_done_by_keyboard(here: Program, browser: Browser) -> None:
    async with opened(browser, here) as page:
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the message line")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Message to Steady")).to_be_focused()
        await page.keyboard.type("/calm")
        await page.keyboard.press("Enter")
        for pane in ("slack", "teams"):
            card = last(page, pane)
            await expect(card).to_contain_text("Say:")
            button = card.get_by_role("button", name="More", exact=True)
            await page.locator(f"#{pane}").focus()
            for _ in range(30):
                await page.keyboard.press("Tab")
                if await button.evaluate("it => it === document.activeElement"):
                    break
            await expect(button).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(last(page, pane)).to_contain_text("Why it works")
            await expect(last(page, pane)).to_be_focused()


async def test_the_picks_change_page_and_answers(here: Program, browser: Browser) -> None:
    async with opened(browser, here) as page:
        await page.get_by_label("You write in").select_option("channel")
        await page.get_by_label("You are").select_option("lena")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        assert re.search(r"lang=de&persona=lena&place=channel", page.url)
        await page.get_by_role("button", name="/archetype Nörgler").click()
        await expect(last(page, "slack")).to_contain_text("nur sichtbar für: Lena Vogt")
        await expect(last(page, "teams")).to_contain_text("Sagen Sie:")
        await page.reload()
        await expect(last(page, "teams")).to_contain_text("Sagen Sie:")
        await page.get_by_role("button", name="Neu beginnen").click()
        await expect(page.locator(".post")).to_have_count(0)
        await expect(page.get_by_label("Nachricht an Steady")).to_be_focused()


@pytest.mark.parametrize("language", ["de", "ru", "ka"])
async def test_the_theme_is_switched_and_remembered(here: Program, browser: Browser, language: str) -> None:
    async with opened(browser, here, f"lang={language}", color_scheme="light", viewport=PHONE) as page:
        await page.locator("#theme").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await expect(page.locator("#theme")).to_have_attribute("aria-pressed", "true")
        await page.locator(".chip").nth(1).click()
        await expect(last(page, "slack")).to_be_visible()
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_no_text_becomes_markup(here: Program, browser: Browser) -> None:
    hostile = '<img src=x onerror="document.title=1"> **b** [x](javascript:alert(1)) {{DATE(2026-01-01T00:00:00Z)}}'
    async with opened(browser, here) as page:
        await type_in(page, hostile)
        await expect(last(page, "teams")).to_be_visible()
        for pane in ("slack", "teams"):
            await expect(page.locator(f"#{pane} .post.agent .typed")).to_have_text(hostile)
            await expect(page.locator(f"#{pane} img[src=x]")).to_have_count(0)
        assert await page.title() == "Steady – playground"


MARKDOWN = {
    "a **b** _c_": "<p>a <strong>b</strong> <em>c</em></p>",
    "- one\n- two": "<ul><li>one</li><li>two</li></ul>",
    r"\*\*a\*\* \<b\> 1\. x": "<p>**a** &lt;b&gt; 1. x</p>",
    "<script>&": "<p>&lt;script&gt;&amp;</p>",
    "[x](https://example.com/?a=1&b)": (
        '<p><a href="https://example.com/?a=1&amp;b" target="_blank" rel="noopener noreferrer">x</a></p>'
    ),
    "[x](javascript:alert(1))": "<p>[x](javascript:alert(1))</p>",
}


async def test_the_markdown_of_cards(here: Program, browser: Browser) -> None:
    async with opened(browser, here) as page:
        for text, html in MARKDOWN.items():
            made = await page.evaluate(
                "async (text) => (await import('/playground/static/markdown.js')).markdown(text)", text
            )
            assert made == html
