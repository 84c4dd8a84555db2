"""Takes the pictures of the playground page for the README, from the running program.

Needs Chromium: CHROMIUM names it, else it is looked for, else playwright's own is taken.
"""

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, async_playwright, expect

from adapters.app import build
from chatbot.settings import Settings

IMAGES = Path(__file__).parent / "images"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


async def main() -> None:
    """Start the program on a free port and write docs/images/playground*.png."""
    IMAGES.mkdir(exist_ok=True)
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    executable = next((path for name in names if name and (path := shutil.which(name))), None)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            playground=True,
            slack_bot_token="",
            microsoft_app_id="",
            database_url=f"sqlite:///{folder}/steady.sqlite3",
        )
        runner = web.AppRunner(build(settings, port), access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
                await picture(browser, port, "light", "playground.png")
                await picture(browser, port, "dark", "playground-dark.png")
                await browser.close()
        finally:
            await runner.cleanup()


async def picture(browser: Browser, port: int, scheme: str, name: str) -> None:
    """Ask twice on a fresh page and take its picture."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{port}/?lang=en")
    await page.locator("#reset").click()
    await expect(page.locator(".post")).to_have_count(0)
    for number, text in enumerate(("/calm", "/archetype whiner"), 1):
        await page.locator("#text").fill(text)
        await page.keyboard.press("Enter")
        for pane in ("slack", "teams"):
            await expect(page.locator(f"#{pane} .post.steady")).to_have_count(number)
    await page.screenshot(path=IMAGES / name)
    await context.close()


if __name__ == "__main__":
    asyncio.run(main())
