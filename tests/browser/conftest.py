"""What every test in a browser starts with: a program of its own, and one browser a file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import chromium
from tests.playground_program import Program, program


@pytest_asyncio.fixture(loop_scope="module")
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    """Run the whole program, as somebody without credentials starts it."""
    async with program(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Start a browser once a file, for starting it takes longest; its tests share a loop (`loop_scope`)."""
    async with chromium() as running:
        yield running
