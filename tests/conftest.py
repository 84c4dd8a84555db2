"""What the tests share: a coach in memory, and golden files."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from chatbot.coach import Coach
from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.guidance import Guidance
from chatbot.model import Language, Message, Reply, plain_text
from chatbot.recognition.recogniser import Recogniser, load_recogniser
from chatbot.store.memory import MemoryStore
from chatbot.strings import Strings, load_strings

GOLDEN = Path(__file__).parent / "golden"
PAYLOADS = Path(__file__).parent / "payloads"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the golden files from what the code does now")


@pytest.fixture(scope="session")
def guidance() -> Guidance:
    return load_guidance(BUILT_IN_RESPONSES)


@pytest.fixture(scope="session")
def strings() -> Strings:
    return load_strings(BUILT_IN_RESPONSES)


@pytest.fixture(scope="session")
def recogniser(guidance: Guidance) -> Recogniser:
    return load_recogniser(BUILT_IN_RESPONSES, guidance.owners)


@pytest.fixture
def coach(guidance: Guidance, strings: Strings, recogniser: Recogniser) -> Coach:
    return Coach(guidance, strings, MemoryStore(), lambda: recogniser)


@pytest.fixture
def reply_to(coach: Coach) -> Callable[..., Awaitable[Reply]]:
    async def reply_to(text: str, locale: Language | None = None, *, pressed: bool = False) -> Reply:
        return await coach.reply(Message(text, "test:w", "test:p", locale, pressed))

    return reply_to


@pytest.fixture
def ask(reply_to: Callable[..., Awaitable[Reply]]) -> Callable[..., Awaitable[str]]:
    async def ask(text: str, locale: Language | None = None) -> str:
        return plain_text(await reply_to(text, locale))

    return ask


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Compare a JSON value with the golden file of that name, or rewrite it under `--golden`."""

    def compare(name: str, value: Any) -> None:
        path = GOLDEN / f"{name}.json"
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        assert path.exists(), f"no golden file {path}; `make golden` writes it"
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(value))

    return compare
