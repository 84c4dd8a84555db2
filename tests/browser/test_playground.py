"""The playground in a real browser, with its real policy: what a newcomer does first."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.pages import DESKTOP, PHONE, last, opened, type_in, violations
from tests.playground_program import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    async with opened(browser, here, f"/?lang={language}", color_scheme="light", viewport=PHONE) as page:
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
