"""What the tests share: a coach in memory, and golden files."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from chatbot.coach import Coach
from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.guidance import Guidance
from chatbot.model import Language, Message, Reply, plain_text
from chatbot.recognition.recogniser import Recogniser, load_recogniser
from chatbot.store.database import Database
from chatbot.store.memory import MemoryPreferences
from chatbot.strings import Strings, load_strings
from tests.postgres import Postgres, a_folder, binaries

GOLDEN = Path(__file__).parent / "golden"
PAYLOADS = Path(__file__).parent / "payloads"

# A slow machine is no failure.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


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
    return Coach(guidance, strings, MemoryPreferences(), lambda: recogniser)


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


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Run a test once on each database."""
    return str(request.param)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start a real server on loopback. In CI its absence is an error, elsewhere a reason to skip."""
    programs = binaries()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    folder = a_folder(durable=False)
    server = Postgres(folder, programs, durable=False)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder.parent)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes an empty database of a kind and returns its URL."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/steady.sqlite3"
        server: Postgres = request.getfixturevalue("postgres")
        return server.new_database()

    return make


@pytest.fixture
async def database(new_database: Callable[[str], str]) -> AsyncIterator[Database]:
    """Open an empty database on SQLite, for tests that are about something else."""
    database = Database(new_database("sqlite"))
    await database.start()
    yield database
    await database.stop()
