"""Finds a Chromium to drive, and starts it without its conversations with its maker."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, async_playwright, expect

# A slow machine is no failure: what has not come after this long does not come at all.
expect.set_options(timeout=30_000)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_NONE = (
    "no Chromium: install chromium or Google Chrome, or set CHROMIUM to its path, "
    "or run `.venv/bin/playwright install chromium`"
)


def installed() -> str | None:
    """Return the path of a browser on this machine; None leaves it to playwright's own."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found or (_MAC if Path(_MAC).exists() else None)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser; without one the test is skipped, but fails where CI promises one."""
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
        except Error:
            if os.environ.get("CI"):
                pytest.fail(_NONE)
            pytest.skip(_NONE)
        try:
            yield browser
        finally:
            await browser.close()
