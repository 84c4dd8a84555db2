"""A page in a real browser: opening it, what is done on it, and what is read from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Response, expect

from tests.playground_program import Program

AXE = Path(__file__).parents[2] / "adapters" / "web" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PANES = ("slack", "teams")


@asynccontextmanager
async def opened(
    browser: Browser, here: Program, path: str = "/?lang=en", *, refusals: bool = False, **context: Any
) -> AsyncIterator[Page]:
    """Open a page; afterwards, there must have been no error, and no request to anybody else.

    With `refusals` a page that says what is wrong is no error, though its status is one; a file that is missing is.
    """
    troubles: list[str] = []
    hosts: set[str] = set()

    def said(message: ConsoleMessage) -> None:
        refused = refusals and "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not refused:
            troubles.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400 and not (refusals and response.request.resource_type == "document"):
            troubles.append(response.url)

    async with await browser.new_context(**{"viewport": DESKTOP, **context}) as surroundings:
        page = await surroundings.new_page()
        page.on("console", said)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("response", answered)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        await page.goto(f"{here.origin}{path}")
        yield page
        assert troubles == []
        assert hosts == {urlsplit(here.origin).netloc}


async def type_in(page: Page, text: str) -> None:
    """Send a message from the playground, whose page is in English."""
    await page.get_by_label("Message to Steady").fill(text)
    await page.keyboard.press("Enter")


async def ask(page: Page, text: str, title: str) -> dict[str, Locator]:
    """Type a message and return the answer in each pane, by its id: it stays the same while it is edited."""
    await page.locator("#text").fill(text)
    await page.keyboard.press("Enter")
    cards = {}
    for pane in PANES:
        await expect(last(page, pane)).to_contain_text(title)
        cards[pane] = page.locator(f"#{await last(page, pane).get_attribute('id')}")
    return cards


async def press(card: Locator, label: str) -> None:
    """Press the button of a card that reads so."""
    await card.get_by_role("button", name=label, exact=True).click()


def last(page: Page, pane: str) -> Locator:
    """Return the latest message of Steady in a pane."""
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
