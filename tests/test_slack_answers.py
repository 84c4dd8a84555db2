"""What people do in Slack, sent to the real HTTP door, and what they get."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from adapters.slack import to_slack
from adapters.slack.payloads import from_press, readable
from adapters.slack.sending import Sender
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.model import Language, Message, Reply
from tests.slack_far_end import FarEnd, Slack, form, interactive, payload, refused, signed, slack


@pytest.fixture
async def here(coach: Coach) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd()) as running:
        yield running


async def expected(
    coach: Coach, text: str, language: Language | None = None, *, pressed: bool = False
) -> dict[str, Any]:
    reply = await coach.reply(Message(text, "slack:T0STEADY1", "U0AGENT01", language, pressed))
    return to_slack(reply)


@pytest.mark.parametrize(
    ("command", "text", "means"),
    [
        ("/archetype", "whiner", "archetype whiner"),
        ("/archetype", "", "archetype"),
        ("/calm", "", "calm"),
        ("/steady", "", ""),
        ("/steady", "step 3", "step 3"),
        ("/steady", "тип", "тип"),
        ("/added-by-hand", "", "/added-by-hand"),
    ],
)
async def test_a_slash_commands_answer_rides_on_the_acknowledgement(
    here: Slack, coach: Coach, command: str, text: str, means: str
) -> None:
    status, body = await here.send(form(payload("command", command=command, text=text)))
    assert status == 200
    assert json.loads(body) == {"response_type": "ephemeral", **await expected(coach, means)}
    assert await here.finish() == []


async def test_the_acknowledgement_is_json_in_utf8_without_escapes(here: Slack) -> None:
    body = form(payload("command", command="/steady", text="წუწუნა"))
    answer = await here.client.post("/slack/events", data=body, headers=signed(body))
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "მწუწუნე" in (await answer.read()).decode()


async def test_a_direct_message_is_answered_in_the_conversation(here: Slack, coach: Coach) -> None:
    status, body = await here.send_json(payload("message"))
    assert (status, body) == (200, b"")
    assert await here.far.called("chat.postMessage") == {
        "channel": "D0AGENT01",
        **await expected(coach, "archetype whiner"),
    }
    assert here.far.tokens["chat.postMessage"] == "Bearer xoxb-made-up"


async def test_a_direct_message_in_a_thread_is_answered_there(here: Slack) -> None:
    await here.send_json(payload("message", event={"thread_ts": "1.0"}))
    assert (await here.far.called("chat.postMessage"))["thread_ts"] == "1.0"


async def test_a_mention_is_answered_privately(here: Slack, coach: Coach) -> None:
    await here.send_json(payload("mention"))
    assert await here.far.called("chat.postEphemeral") == {
        "channel": "C0ROOM001",
        "user": "U0AGENT01",
        **await expected(coach, "calm"),
    }
    assert await here.finish() == ["chat.postEphemeral"]


async def test_a_mention_in_a_thread_is_answered_there(here: Slack) -> None:
    await here.send_json(payload("mention", event={"thread_ts": "1.0"}))
    assert (await here.far.called("chat.postEphemeral"))["thread_ts"] == "1.0"


@pytest.mark.parametrize("code", ["user_not_in_channel", "channel_not_found", "is_archived"])
async def test_where_no_private_answer_is_possible_a_direct_message_goes_out(
    here: Slack, coach: Coach, code: str
) -> None:
    here.far.answers["chat.postEphemeral"] = [refused(code)]
    await here.send_json(payload("mention"))
    assert await here.far.called("chat.postMessage") == {"channel": "D0OPENED1", **await expected(coach, "calm")}
    assert await here.far.called("conversations.open") == {"users": "U0AGENT01"}


async def test_where_a_private_answer_fails_on_its_way_a_direct_message_goes_out(
    here: Slack, coach: Coach, caplog: pytest.LogCaptureFixture
) -> None:
    here.far.broken.add("chat.postEphemeral")
    await here.send_json(payload("mention"))
    assert await here.far.called("chat.postMessage") == {"channel": "D0OPENED1", **await expected(coach, "calm")}
    assert "incident" not in caplog.text


async def test_a_private_answer_that_takes_too_long_goes_out_as_a_direct_message(
    here: Slack, coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_long(**_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(here.adapter._sender.client, "chat_postEphemeral", too_long)
    await here.send_json(payload("mention"))
    assert await here.far.called("chat.postMessage") == {"channel": "D0OPENED1", **await expected(coach, "calm")}


@pytest.mark.parametrize("name", ["press", "press_in_dm"])
async def test_a_buttons_answer_replaces_the_message_in_the_language_of_the_card(
    here: Slack, coach: Coach, name: str
) -> None:
    status, body = await here.send(interactive(payload(name, response_url=f"{here.far.url}respond/press")))
    assert (status, body) == (200, b"")
    answer = await expected(coach, "next calm", Language.DE, pressed=True)
    assert await here.far.called("press") == {"replace_original": True, **answer}
    assert here.far.tokens["press"] == "", "the token is for the Web API alone"
    assert await here.finish() == ["press"]


@pytest.mark.parametrize("name", ["typed", "submitted"])
async def test_a_typed_line_replaces_the_message(here: Slack, coach: Coach, name: str) -> None:
    await here.send(interactive(payload(name, response_url=f"{here.far.url}respond/typed")))
    answer = await expected(coach, "archetype whiner", Language.EN, pressed=True)
    assert await here.far.called("typed") == {"replace_original": True, **answer}


async def test_every_button_and_field_that_is_drawn_comes_back_as_its_command(coach: Coach) -> None:
    reply = await coach.reply(Message("menu", "w", "p", Language.KA, pressed=True))
    drawn = [block for block in to_slack(reply)["blocks"] if block["type"] in ("actions", "input")]
    elements = [(block, e) for block in drawn for e in block.get("elements", [block.get("element")])]
    state = {"values": {b["block_id"]: {e["action_id"]: {"value": "a &amp; b"}} for b, e in elements}}
    said = []
    for block, element in elements:
        action = {"action_id": element["action_id"], "block_id": block["block_id"]}
        action["value"] = "a &amp; b" if element["type"] == "plain_text_input" else element.get("value")
        message = from_press(payload("press", actions=[action], state=state))
        assert message
        assert message.pressed
        assert message.locale is Language.KA
        said.append(message.text)
    assert said == ["a & b", "a & b", *(button.command for button in reply.buttons)]


async def test_without_a_response_url_the_message_is_updated(here: Slack, coach: Coach) -> None:
    await here.send(interactive(payload("press_in_dm", response_url=None)))
    answer = await expected(coach, "next calm", Language.DE, pressed=True)
    assert await here.far.called("chat.update") == {"channel": "D0AGENT01", "ts": "1700000000.000500", **answer}


async def test_a_response_url_that_is_used_up_falls_back_to_an_update(here: Slack) -> None:
    here.far.answers["press"] = [web.Response(status=404, text="used_url")]
    await here.send(interactive(payload("press_in_dm", response_url=f"{here.far.url}respond/press")))
    await here.far.called("chat.update")
    assert await here.finish() == ["press", "chat.update"]


async def test_a_private_message_that_cannot_be_replaced_is_followed_by_another(here: Slack) -> None:
    await here.send(interactive(payload("press", response_url=None)))
    assert (await here.far.called("chat.postEphemeral"))["user"] == "U0AGENT01"


async def test_a_walk_asked_for_in_a_room_opens_in_the_direct_messages(here: Slack, coach: Coach) -> None:
    walk = await coach.reply(Message("walk 1", "slack:T0STEADY1", "U0AGENT01"))
    status, body = await here.send(form(payload("command", command="/steady", text="walk 1")))
    assert status == 200
    assert json.loads(body) == {"response_type": "ephemeral", **to_slack(coach.moved(walk))}
    assert await here.far.called("chat.postMessage") == {"channel": "D0OPENED1", **to_slack(walk)}
    await here.send_json(payload("mention", event={"text": "<@U0STEADY1> walk 1"}))
    assert (await here.far.called("chat.postEphemeral"))["blocks"] == to_slack(coach.moved(walk))["blocks"]


async def test_a_walk_is_shown_in_the_room_if_no_direct_message_can_be_opened(here: Slack, coach: Coach) -> None:
    here.far.answers["conversations.open"] = [refused("user_disabled")]
    walk = await coach.reply(Message("walk 1", "slack:T0STEADY1", "U0AGENT01"))
    await here.send_json(payload("mention", event={"text": "<@U0STEADY1> walk 1"}))
    assert (await here.far.called("chat.postEphemeral"))["blocks"] == to_slack(walk)["blocks"]


async def test_a_walk_is_shown_in_the_room_if_the_connection_breaks(here: Slack, coach: Coach) -> None:
    here.far.broken.add("conversations.open")
    walk = await coach.reply(Message("walk 1", "slack:T0STEADY1", "U0AGENT01"))
    await here.send_json(payload("mention", event={"text": "<@U0STEADY1> walk 1"}))
    assert (await here.far.called("chat.postEphemeral"))["blocks"] == to_slack(walk)["blocks"]


@pytest.mark.parametrize(("name", "moves"), [("press", True), ("press_in_dm", False)])
async def test_a_walk_goes_on_where_it_stands_but_not_in_a_room(
    here: Slack, coach: Coach, name: str, moves: bool
) -> None:
    action = {"action_id": "p 0", "block_id": "en 3", "type": "button", "value": "walk 2"}
    await here.send(interactive(payload(name, actions=[action], response_url=f"{here.far.url}respond/press")))
    walk = await coach.reply(Message("walk 2", "w", "p", Language.EN, pressed=True))
    assert (await here.far.called("press"))["blocks"] == to_slack(coach.moved(walk) if moves else walk)["blocks"]
    assert await here.finish() == (["conversations.open", "chat.postMessage", "press"] if moves else ["press"])


async def test_someone_elses_button_is_acknowledged_and_left_alone(here: Slack) -> None:
    action = {"action_id": "someone-elses", "block_id": "x", "type": "button"}
    assert await here.send(interactive(payload("press", actions=[action]))) == (200, b"")
    assert await here.finish() == []


@pytest.mark.parametrize(
    "event",
    [
        {"bot_id": "B0STEADY1", "user": "U0STEADY1"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "bot_message"},
        {"subtype": "channel_join"},
        {"hidden": True},
        {"user": "USLACKBOT"},
        {"user": None},
        {"user": {"id": "U0AGENT01"}},
        {"channel_type": "channel"},
        {"channel_type": "mpim"},
    ],
)
async def test_it_answers_people_in_direct_messages_only(here: Slack, event: dict[str, Any]) -> None:
    assert await here.send_json(payload("message", event=event)) == (200, b"")
    assert await here.finish() == []


async def test_a_bots_mention_is_ignored(here: Slack) -> None:
    assert await here.send_json(payload("mention", event={"bot_id": "B0OTHER01"})) == (200, b"")
    assert await here.finish() == []


async def test_an_empty_conversation_is_welcomed_once(here: Slack, coach: Coach) -> None:
    for number in range(3):
        await here.send_json(payload("home", event_id=f"Ev{number}"))
    assert await here.far.called("chat.postMessage") == {"channel": "D0AGENT01", **to_slack(coach.welcome(None))}
    assert await here.finish() == ["conversations.history", "chat.postMessage"]


async def test_a_conversation_with_something_in_it_is_not_welcomed(here: Slack) -> None:
    here.far.answers["conversations.history"] = [web.json_response({"ok": True, "messages": [{"text": "hi"}]})]
    await here.send_json(payload("home"))
    await here.send_json(payload("home", event={"tab": "home"}, event_id="Ev2"))
    assert await here.finish() == ["conversations.history"]


async def test_the_acknowledgement_does_not_wait_for_the_web_api(coach: Coach) -> None:
    far = FarEnd(silent={"chat.postMessage", "chat.postEphemeral", "press"})
    async with slack(coach, far) as here:
        press = payload("press", response_url=f"{far.url}respond/press")
        for body in (
            json.dumps(payload("message")).encode(),
            json.dumps(payload("mention")).encode(),
            interactive(press),
        ):
            assert await here.send(body) == (200, b"")
        await far.hung.wait()
        assert here.far.names() == [], "the far end has answered nothing yet"
        far.speak()
        assert sorted(await here.finish()) == ["chat.postEphemeral", "chat.postMessage", "press"]


async def test_what_is_still_under_way_at_the_end_is_given_up_after_a_while(
    coach: Coach, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("adapters.slack.sending._SECONDS_TO_FINISH", 0.01)
    far = FarEnd(silent={"chat.postMessage"})
    async with slack(coach, far) as here:
        await here.send_json(payload("message"))
        await far.hung.wait()
        assert await here.finish() == []
    assert "stopped before 1 answer(s)" in caplog.text


async def test_it_waits_as_long_as_slack_says(here: Slack) -> None:
    busy = web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "0"})
    here.far.answers["chat.postMessage"] = [busy]
    await here.send_json(payload("message"))
    await here.far.until(lambda far: far.names() == ["chat.postMessage"] * 2)


async def test_how_long_slack_says_is_how_long_it_waits(here: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr("slack_sdk.http_retry.builtin_async_handlers.asyncio.sleep", note)
    for where in ("chat.postMessage", "press"):
        here.far.answers[where] = [web.json_response({"ok": False}, status=429, headers={"Retry-After": "7"})]
    await here.send_json(payload("message"))
    await here.far.until(lambda far: far.names().count("chat.postMessage") == 2)
    await here.send(interactive(payload("press", response_url=f"{here.far.url}respond/press")))
    await here.far.until(lambda far: far.names().count("press") == 2)
    long = [seconds for seconds in waited if seconds >= 1]
    assert [int(seconds) for seconds in long] == [7, 7]


async def test_an_answer_that_cannot_be_delivered_is_logged_without_a_word_of_it(
    here: Slack, caplog: pytest.LogCaptureFixture
) -> None:
    here.far.answers["chat.postMessage"] = [refused("account_inactive")]
    await here.send_json(payload("message", event={"text": "she shouts at me"}))
    await here.finish()
    assert "account_inactive" in caplog.text
    assert "incident" in caplog.text
    assert "shouts" not in caplog.text
    assert "xoxb" not in caplog.text


async def test_what_breaks_before_the_acknowledgement_is_answered_when_slack_sends_it_again(
    here: Slack, coach: Coach, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(message: Message) -> Reply:
        raise RuntimeError(message.text)

    body = form(payload("command"))
    with monkeypatch.context() as patch:
        patch.setattr(coach, "reply", broken)
        assert (await here.send(body))[0] == 500
    status, answer = await here.send(body)
    assert status == 200
    assert json.loads(answer)["blocks"]
    assert "RuntimeError" in caplog.text
    assert "whiner" not in caplog.text


async def test_an_event_that_was_not_accepted_is_answered_when_slack_sends_it_again(
    here: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("adapters.slack.sending.Sender.soon", lambda self, work: work.close() or 1 / 0)
        assert (await here.send_json(payload("message")))[0] == 500
    assert (await here.send_json(payload("message")))[0] == 200
    await here.far.called("chat.postMessage")


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive"])
async def test_a_wrong_token_stops_the_program_at_its_start(coach: Coach, code: str) -> None:
    far = FarEnd(answers={"auth.test": [refused(code)]})
    with pytest.raises(SettingsError, match=rf"SLACK_BOT_TOKEN.*{code}.*Copy it again"):
        async with slack(coach, far):
            pass


async def test_it_starts_though_slack_is_down(coach: Coach, caplog: pytest.LogCaptureFixture) -> None:
    far = FarEnd(answers={"auth.test": [refused("internal_error")]})
    async with slack(coach, far) as here:
        assert (await here.send(form(payload("command"))))[0] == 200
    assert "SLACK_BOT_TOKEN (internal_error)" in caplog.text


#: What proxies say for Slack, or Slack itself on a bad day: status, body, type.
NO_ANSWERS = [
    (503, "upstream connect error", "text/plain"),
    (200, "Please sign in to this network.", "text/plain"),
    (200, "<html></html>", "text/html"),
    (200, "[]", "application/json"),
    (200, '["ok"]', "application/json"),
    (200, "{", "application/json"),
    (200, "[" * 100_000, "application/json"),
    (500, "", "application/json"),
]


@pytest.mark.parametrize(("status", "body", "kind"), NO_ANSWERS, ids=range(len(NO_ANSWERS)))
async def test_what_is_no_answer_of_slacks_neither_keeps_it_from_starting_nor_costs_the_answer(
    coach: Coach, caplog: pytest.LogCaptureFixture, status: int, body: str, kind: str
) -> None:
    def odd() -> web.Response:
        return web.Response(status=status, text=body, content_type=kind)

    far = FarEnd(answers={"auth.test": [odd()], "chat.postEphemeral": [odd()]})
    async with slack(coach, far) as here:
        await here.send_json(payload("mention"))
        assert (await here.far.called("chat.postMessage"))["channel"] == "D0OPENED1"
    assert "going on without" in caplog.text
    assert "incident" not in caplog.text
    assert "sign in" not in caplog.text


async def test_a_date_to_wait_for_does_not_keep_it_from_starting(coach: Coach) -> None:
    busy = web.Response(status=429, headers={"Retry-After": "Sun, 22 Nov 2026 20:00:00 GMT"})
    async with slack(coach, FarEnd(answers={"auth.test": [busy]})) as here:
        assert (await here.send(form(payload("command"))))[0] == 200


async def test_it_starts_before_the_playground_listens(coach: Coach, unused_tcp_port: int) -> None:
    async with slack(coach, FarEnd(), slack_api_url=f"http://127.0.0.1:{unused_tcp_port}/api/") as here:
        assert (await here.send(form(payload("command"))))[0] == 200


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("<@U0STEADY1> calm", "calm"),
        ("hey <@U0STEADY1|steady>, step 3", "hey , step 3"),
        ("&lt;b&gt; &amp;amp; so on", "<b> &amp; so on"),
        ("see <https://example.com|the site> and <https://example.org>", "see the site and https://example.org"),
        ("<!here> <#C1|general> calm", "calm"),
    ],
)
def test_texts_are_read_as_their_authors_saw_them(sent: str, read: str) -> None:
    assert readable(sent) == read


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/respond/press",
        "http://localhost:{port}/respond/press",
        "https://127.0.0.1:{port}/respond/press",
        "http://stranger@127.0.0.1:{port}/respond/press",
        "http://127.0.0.1.example:{port}/respond/press",
        "file:///etc/passwd",
        "//127.0.0.1:{port}/respond/press",
        "http://[",
        "no url",
        ["http://127.0.0.1:{port}/respond/press"],
    ],
    ids=range(10),
)
async def test_a_response_url_of_another_server_is_not_called(here: Slack, url: Any) -> None:
    port = here.far.url.strip("/").rpartition(":")[2]
    named = url.format(port=port) if isinstance(url, str) else [one.format(port=port) for one in url]
    await here.send(interactive(payload("press_in_dm", response_url=named)))
    await here.far.called("chat.update")
    assert await here.finish() == ["chat.update"]


@pytest.mark.parametrize(
    ("api", "url", "called"),
    [
        ("https://slack.com/api/", "https://hooks.slack.com/actions/T1/2/x", True),
        ("https://slack-gov.com/api/", "https://hooks.slack-gov.com/actions/T1/2/x", True),
        ("https://slack.com/api/", "http://hooks.slack.com/actions/T1/2/x", False),
        ("https://slack.com/api/", "https://hooks.slack.com:8443/actions/T1/2/x", False),
        ("https://slack.com/api/", "https://hooks.slack.com.example/actions/T1/2/x", False),
        ("https://slack.com/api/", "https://a@hooks.slack.com/actions/T1/2/x", False),
    ],
)
def test_slacks_own_response_urls_are_known(api: str, url: str, called: bool) -> None:
    assert Sender("xoxb-made-up", api)._is_slacks(url) is called


async def test_a_response_url_that_cannot_be_reached_falls_back_to_an_update(here: Slack) -> None:
    here.far.broken.add("press")
    await here.send(interactive(payload("press_in_dm", response_url=f"{here.far.url}respond/press")))
    await here.far.called("chat.update")


async def test_half_an_emoji_does_not_cost_the_answer(here: Slack) -> None:
    text = "she keeps \udc00shouting\ud83d \u202eat me\u0000"
    await here.send(json.dumps(payload("message", event={"text": text})).encode())
    shown = json.dumps(await here.far.called("chat.postMessage"), ensure_ascii=False)
    assert "shouting" in shown
    assert not any(odd in shown for odd in ("\udc00", "\ud83d", "\u202e", "\\u0000"))
