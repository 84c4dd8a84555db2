"""The playground at its HTTP door: what is typed reaches both panes through the real adapters."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.web import Playground
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.settings import Settings
from tests.playground_program import Program, program, slack_press, teams_press


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    async with program(tmp_path) as running:
        yield running


@pytest.mark.parametrize("text", ["/calm", "calm"])
async def test_a_direct_message_is_answered_in_both_panes(here: Program, text: str) -> None:
    await here.send(text)
    slack = await here.shows("slack", "Keep", "Say:")
    teams = await here.shows("teams", "data-card", "Say:")
    assert "of 4,000 bytes" in slack["html"]
    assert "of 81,920 bytes" in teams["html"]
    assert slack["said"].startswith("Steady answered in Slack: ")
    assert teams["said"].startswith("Steady answered in Teams: ")


@pytest.mark.parametrize("text", ["/archetype whiner", "whiner"])
async def test_in_the_channel_only_the_asker_sees_the_answer(here: Program, text: str) -> None:
    await here.send(text, place="channel")
    slack = await here.shows("slack", "The whiner", "Say:")
    assert "only Sam Carter sees this" in slack["html"]
    teams = await here.shows("teams", "The whiner", "Say:")
    assert "Direct message" in teams["html"]


@pytest.mark.parametrize(
    ("place", "name"), [("channel", "support-desk"), ("returns", "returns"), ("billing", "billing")]
)
async def test_each_message_says_which_channel_it_is_in(here: Program, place: str, name: str) -> None:
    await here.send("tips", place=place)
    slack = await here.shows("slack", "only Sam Carter sees this", f"#{name}")
    assert "#support-desk" not in slack["html"] or name == "support-desk"
    await here.until(lambda c: c.get("pane") == "teams" and f"#{name}" in c["html"] and "tips" in c["html"])


@pytest.mark.parametrize(("persona", "language", "heard"), [("lena", "de", "Sagen Sie:"), ("nino", "ka", "უთხარით:")])
async def test_the_picked_language_holds_in_both_panes(here: Program, persona: str, language: str, heard: str) -> None:
    await here.send("/archetype whiner", persona, "dm", language)
    await here.shows("slack", heard)
    await here.shows("teams", heard)


async def test_a_language_chosen_in_the_chat_holds_until_another_is_picked(here: Program) -> None:
    await here.send("language deutsch")
    await here.shows("slack", "Deutsch")
    await here.send("/calm")
    await here.shows("slack", "Sagen Sie:")


async def test_a_press_replaces_the_message_in_each_pane(here: Program) -> None:
    await here.send("/archetype")
    slack = await here.shows("slack", ">The whiner<")
    teams = await here.shows("teams", "The whiner", "data-card")
    for press in (slack_press(slack, "The whiner"), teams_press(teams, "The whiner")):
        assert await here.post("press", press) == (200, '{"ok": true}')
    for before in (slack, teams):
        after = await here.until(lambda c, b=before: c.get("id") == b["id"] and "updated" in c["html"])  # type: ignore[misc]
        assert "Say:" in after["html"]
        assert "now says: The whiner" in after["said"]


async def test_a_press_in_a_direct_message_replaces_it_too(here: Program) -> None:
    await here.send("calm")
    slack = await here.shows("slack", ">More<")
    await here.post("press", slack_press(slack, "More"))
    await here.until(lambda c: c.get("id") == slack["id"] and "Why it works" in c["html"])


async def test_what_is_typed_into_a_field_is_asked(here: Program) -> None:
    await here.send("topics")
    slack = await here.shows("slack", "data-enters")
    teams = await here.shows("teams", "Input.Text")
    line = re.search(r'<input type="text" data-block="([^"]*)" data-action="([^"]*)"', slack["html"])
    assert line
    typed = {line[1]: {line[2]: "whiner"}}
    assert (await here.post("press", {**slack_press(slack, "Ask"), "values": typed}))[0] == 200
    field = str(re.search(r"&#34;id&#34;: &#34;(\w+)&#34;", teams["html"])[1])  # type: ignore[index]
    assert (await here.post("press", teams_press(teams, "Ask", **{field: "whiner"})))[0] == 200
    for before in (slack, teams):
        await here.until(lambda c, b=before: c.get("id") == b["id"] and "The whiner" in c["html"])  # type: ignore[misc]


async def test_enter_in_a_slack_field_submits_it(here: Program) -> None:
    await here.send("topics")
    slack = await here.shows("slack", "data-enters")
    line = re.search(r'<input type="text" data-block="([^"]*)" data-action="([^"]*)"', slack["html"])
    assert line
    press = {
        "pane": "slack",
        "message": slack["id"],
        "persona": "sam",
        "language": "en",
        "block": line[1],
        "action": line[2],
    }
    await here.post("press", {**press, "values": {line[1]: {line[2]: "whiner"}}})
    await here.until(lambda c: c.get("id") == slack["id"] and "The whiner" in c["html"])


async def test_slack_refuses_a_command_that_the_app_has_not(here: Program) -> None:
    await here.send("/step 3")
    await here.shows("slack", "/steady, /calm and /archetype")
    await here.shows("teams", "Step 3 of 7")


async def test_the_wire_log_shows_both_directions_without_secrets(here: Program) -> None:
    await here.send("calm")
    await here.shows("slack", "Say:")
    await here.shows("teams", "Say:")
    for words in ("POST /slack/events", "/slack/api/chat.postMessage", "POST /api/messages", "/activities"):
        await here.until(lambda c, w=words: c["kind"] == "exchange" and w in c["html"])  # type: ignore[misc]
    log = "".join(change["html"] for change in here.changes if change["kind"] == "exchange")
    assert "Authorization: Bearer •••" in log
    assert "X-Slack-Signature: v0=•••" in log
    assert not re.search(r"xoxb-|eyJ|v0=[0-9a-f]", log)


async def test_reset_forgets_everything(here: Program) -> None:
    await here.send("/calm")
    post = await here.shows("slack", "Say:")
    await here.shows("teams", "Say:")
    assert (await here.post("reset", {}))[0] == 200
    late = Program(here.origin, here.session)
    watching = asyncio.create_task(late.watch())
    await late.until(lambda change: change["kind"] == "ready")
    assert late.changes[0]["kind"] == "reset"
    assert not [change for change in late.changes if change["kind"] == "post"]
    assert (await here.post("press", slack_press(post, "More")))[0] == 404
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("language", ["en", "de", "ru", "ka"])
async def test_the_page_is_in_the_picked_language(here: Program, language: str) -> None:
    async with here.session.get(f"{here.origin}/?lang={language}&place=channel") as response:
        page = await response.text()
    assert f'<html lang="{language}">' in page
    assert f'<option value="{language}" lang="{language}" selected>' in page
    assert '<option value="channel" selected>' in page


async def test_without_a_picked_language_the_browsers_decides(here: Program) -> None:
    async with here.session.get(f"{here.origin}/", headers={"Accept-Language": "fr, ka-GE;q=0.8"}) as response:
        assert '<html lang="ka">' in await response.text()


@pytest.mark.parametrize("language", ["en", "de", "ru", "ka"])
async def test_every_example_is_understood_in_its_language(coach: Coach, language: str) -> None:
    from adapters.web.views import EXAMPLES
    from chatbot.model import Language, Message

    for key in EXAMPLES:
        words = coach.strings(key, Language(language))
        reply = await coach.reply(Message(words, "test:w", "test:p", Language(language)))
        assert reply.language == language
        assert reply.outcome.why != "nothing fits"


def test_it_is_not_served_to_the_network(coach: Coach) -> None:
    with pytest.raises(SettingsError, match="set HOST="):
        Playground(Settings(_env_file=None, host="0.0.0.0"), coach, 3978)


async def test_beside_a_real_platform_it_keeps_to_its_own_corner(tmp_path: Path) -> None:
    real = {
        "MicrosoftAppId": "5e0f4a2c-0000-4000-8000-000000000001",
        "MicrosoftAppPassword": "made up",
        "MicrosoftAppTenantId": "5e0f4a2c-0000-4000-8000-000000000002",
        "playground": True,
    }
    async with program(tmp_path, prefix="/playground", **real) as here:
        async with here.session.get(f"{here.origin}/") as response:
            assert response.status == 404
        async with here.session.get(f"{here.origin}/playground") as response:
            assert (response.status, response.url.path) == (200, "/playground/")
        await here.send("/calm")
        await here.shows("slack", "Say:")
        await here.shows("teams", "Say:")
        for path in ("/api/messages", "/playground/api/messages", "/playground/slack/events"):
            async with here.session.post(f"{here.origin}{path}", json={"type": "message"}) as response:
                assert response.status == 401


async def test_no_trace_is_left_in_the_real_store(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        await here.send("language deutsch")
        await here.shows("teams", "Deutsch")
    with closing(sqlite3.connect(tmp_path / "steady.sqlite3")) as database:
        assert "teams:" not in "".join(database.iterdump())
