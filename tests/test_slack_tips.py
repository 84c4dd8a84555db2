"""Daily tips through Slack's door, with the real core, store and lanes behind it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.delivering import Delivering
from adapters.slack import measure
from chatbot.coach import Coach
from chatbot.model import Language, Message, Room
from chatbot.store.database import Database
from tests.slack_far_end import FarEnd, Slack, checked, form, interactive, payload, refused, slack, submitted

WORKSPACE = "slack:T0STEADY1"


@pytest.fixture
async def here(coach: Coach, tmp_path: Path) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd(), slack_messages_per_second=50) as running:
        database = Database(f"sqlite:///{tmp_path}/steady.sqlite3")
        await database.start()
        known = {"slack": running.adapter.delivery}
        delivering = Delivering(database, coach, known, known, timedelta(hours=2), time.time, clocks=known)
        await delivering.start()
        try:
            yield running
        finally:
            await delivering.stop()
            await database.stop()


def command(here: Slack, text: str, **changes: Any) -> bytes:
    url = f"{here.far.url}respond/command"
    return form(payload("command", command="/steady", text=text, response_url=url, **changes))


async def opened(here: Slack) -> dict[str, Any]:
    assert await here.send(command(here, "tips on")) == (200, b"")
    view = (await here.far.called("views.open"))["view"]
    return checked(json.loads(view) if isinstance(view, str) else view)


async def posted(here: Slack, count: int) -> list[dict[str, Any]]:
    await here.far.until(lambda far: far.names().count("chat.postMessage") >= count)
    return [content for name, content in here.far.calls if name == "chat.postMessage"]


async def test_tips_are_set_up_with_the_form_introduced_and_tried(here: Slack) -> None:
    view = await opened(here)
    status, body = await here.send(interactive(submitted(view, time={"value": "25:61"})))
    errors = json.loads(body)
    assert (status, errors["response_action"], list(errors["errors"])) == (200, "errors", ["time 0"])
    assert await here.send(interactive(submitted(view, time={"value": "9.30"}))) == (200, b"")
    assert (await here.far.called("chat.postEphemeral"))["user"] == "U0AGENT01"
    [introduction] = await posted(here, 1)
    assert introduction["channel"] == "C0ROOM001"
    assert "ann" in introduction["text"]

    await here.send(command(here, "tips now"))
    tip = (await posted(here, 2))[1]
    keys = {message["metadata"]["event_payload"]["key"] for message in (introduction, tip)}
    assert len(keys) == 2
    row = tip["blocks"][-1]
    [tries] = [element for element in row["elements"] if element["value"].startswith("try ")]
    here.far.calls.clear()
    press = payload("press_private", actions=[{**tries, "block_id": row["block_id"]}])
    assert await here.send(interactive(press)) == (200, b"")
    assert (await here.far.called("chat.postEphemeral"))["channel"] == "C0ROOM001"


async def test_whoever_writes_to_us_is_known_with_their_clock_and_a_channel_without(here: Slack, coach: Coach) -> None:
    told = {"ok": True, "user": {"id": "U0AGENT01", "tz": "Asia/Tbilisi"}}
    here.far.answers["users.info"] = [web.json_response(told)]
    assert await here.send_json(payload("message")) == (200, b"")
    await here.far.called("users.info")
    assert await here.send_json(payload("mention")) == (200, b"")
    await here.far.called("chat.postEphemeral")
    assert coach.rooms_seen
    await coach.rooms_seen.written()
    rooms = await coach.rooms_seen.store.of_workspace(WORKSPACE)
    assert {(known.room.personal, known.person, known.zone) for known in rooms} == {
        (True, "U0AGENT01", "Asia/Tbilisi"),
        (False, "", ""),
    }
    assert here.far.names().count("users.info") == 1


async def test_somebody_outside_the_channel_sets_up_nothing(here: Slack) -> None:
    for user, answers in (("U0STRANGER", {}), ("U0AGENT01", {"conversations.info": [refused("channel_not_found")]})):
        here.far.calls.clear()
        here.far.answers.update(answers)
        await here.send(command(here, "tips on 09:30 Europe/Berlin weekdays", user_id=user))
        assert (await here.far.called("command"))["response_type"] == "ephemeral"
    assert "chat.postMessage" not in here.far.names()


async def test_an_archived_channel_gets_no_more_tips_until_it_is_back(here: Slack, coach: Coach) -> None:
    await here.send(command(here, "tips on 09:30 Europe/Berlin weekdays"))
    await posted(here, 1)
    message = Message("tips", WORKSPACE, "U0AGENT01", room=Room("C0ROOM001", "C0ROOM001"))
    assert coach.tips
    for event, stopped in (
        ("channel_archive", "archived"),
        ("channel_unarchive", ""),
        ("app_uninstalled", "uninstalled"),
    ):
        assert await here.send_json(payload(f"events/{event}")) == (200, b"")
        subscription = await coach.tips.find(message)
        assert subscription
        assert subscription.stopped == stopped


@pytest.mark.parametrize("code", ["is_archived", "not_in_channel", "account_inactive"])
async def test_what_slack_refuses_for_good_stops_the_tips(
    here: Slack, coach: Coach, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert coach.tips
    stopping, stopped = coach.tips.gone, asyncio.Event()

    async def gone(*what: Any) -> None:
        await stopping(*what)
        stopped.set()

    monkeypatch.setattr(coach.tips, "gone", gone)
    here.far.answers["chat.postMessage"] = [refused(code)]
    await here.send(command(here, "tips on 09:30 Europe/Berlin weekdays"))
    async with asyncio.timeout(20):
        await stopped.wait()
    subscription = await coach.tips.find(Message("tips", WORKSPACE, "U0AGENT01", room=Room("C0ROOM001", "C0ROOM001")))
    reasons = {"is_archived": "archived", "not_in_channel": "blocked", "account_inactive": "uninstalled"}
    assert subscription
    assert subscription.stopped == reasons[code]


@pytest.mark.parametrize("language", Language)
async def test_the_form_for_tips_fits_a_modal(here: Slack, coach: Coach, language: Language) -> None:
    message = Message("tips on", WORKSPACE, "U0AGENT01", language, True, Room("C0ROOM001", "C0ROOM001"))
    reply = await coach.reply(message)
    assert reply.form
    assert measure(reply).problems == ()
