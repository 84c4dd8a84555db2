"""Forms as modals: what is drawn, how it opens, what comes back, and what is made of things that were tampered with."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import measure, to_slack
from adapters.slack.modal import from_submission, to_view
from adapters.slack.payloads import parse
from adapters.slack.render import compact
from chatbot.coach import Coach
from chatbot.model import (
    Button,
    Choice,
    Entry,
    Form,
    Language,
    Lead,
    Message,
    Note,
    Option,
    Outcome,
    Reply,
    Room,
    Text,
    Title,
)
from chatbot.strings import Strings
from tests.slack_far_end import FarEnd, Script, Slack, checked, form, interactive, payload, refused, slack, submitted

OUTCOME = Outcome("menu")
ROOM = Room("C0ROOM001", "C0ROOM001")
WORDS = {
    Language.EN: (
        "Tips: every day",
        "Set up",
        "Cancel",
        "When <!channel>?",
        "Europe/Berlin",
        "Optional",
        "No such time",
    ),
    Language.DE: (
        "Tipps: jeden Tag",
        "Einrichten",
        "Abbrechen",
        "Wann?",
        "Europa/Berlin",
        "Freiwillig",
        "Keine Uhrzeit",
    ),
    Language.RU: ("Советы: каждый день", "Включить", "Отмена", "Когда?", "Москва", "По желанию", "Нет такого времени"),
    Language.KA: ("რჩევები: ყოველდღე", "ჩართვა", "გაუქმება", "როდის?", "თბილისი", "სურვილისამებრ", "ასეთი დრო არ არის"),
}


def options(count: int, label: str = "Option") -> tuple[Option, ...]:
    return tuple(Option(f"v{number}", f"{label} {number}") for number in range(count))


def form_of(language: Language, *fields: Entry | Choice) -> Reply:
    title, submit, cancel, *_ = WORDS[language]
    asked = Form("tips on", submit, cancel, fields)
    return Reply((Title(title), Lead(WORDS[language][3])), language, OUTCOME, form=asked)


def every_kind(language: Language) -> Reply:
    _, _, _, label, zone, hint, error = WORDS[language]
    return form_of(
        language,
        Entry("time", label, "09:30", "9:30", hint, longest=5),
        Entry("plain", label),
        Entry("wrong", label, "25:61", hint=hint, error=error),
        Entry("note", label, lines=True, optional=True, longest=3000),
        Choice("one", label, options(5, zone), ("v1",)),
        Choice("none", label, options(5, zone), optional=True),
        Choice("menu", label, options(100, zone), ("v99",), error),
        Choice("days", label, options(5, zone), ("v0", "v4"), several=True),
        Choice("topics", label, options(6, zone), ("v2",), several=True, optional=True),
        Choice("open", label, options(2, zone), several=True),
    )


@pytest.fixture
async def here(coach: Coach) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd()) as running:
        yield running


@pytest.fixture
def script(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script().take_over(coach, monkeypatch)


DONE = Reply((Title("Set up"), Text("Next: tomorrow")), Language.DE, OUTCOME, (Button("Status", "tips status"),))


def test_every_kind_of_field_in_every_language(golden: Callable[[str, Any], None]) -> None:
    views = {}
    for language in Language:
        reply = every_kind(language)
        assert measure(reply).problems == ()
        assert reply.form
        views[language.value] = checked(to_view(reply, reply.form, ROOM))
    golden("slack/form", views)


def test_each_field_gets_the_input_that_suits_it() -> None:
    reply = every_kind(Language.EN)
    assert reply.form
    view = to_view(reply, reply.form, ROOM)
    inputs = {block["element"]["action_id"]: block for block in view["blocks"] if block["type"] == "input"}
    assert {name: block["element"]["type"] for name, block in inputs.items()} == {
        "time": "plain_text_input",
        "plain": "plain_text_input",
        "wrong": "plain_text_input",
        "note": "plain_text_input",
        "one": "radio_buttons",
        "none": "static_select",
        "menu": "static_select",
        "days": "checkboxes",
        "topics": "multi_static_select",
        "open": "checkboxes",
    }
    assert [name for name, block in inputs.items() if block["optional"]] == ["note", "none", "topics"]
    assert [name for name, block in inputs.items() if block["element"].get("multiline")] == ["note"]
    assert inputs["wrong"]["hint"]["text"] == "No such time\nOptional"
    assert "header" not in [block["type"] for block in view["blocks"]], "the title is the modal's"


def test_what_slack_would_refuse_in_a_modal_is_named() -> None:
    bad = form_of(
        Language.EN,
        Entry("a", "", "v" * 3001, "p" * 151, "h" * 2001, longest=3001),
        Entry("short", "label", "long", longest=3),
        Entry("none", "label", longest=0),
        Choice("b", "l" * 2001, options(101)),
        Choice("c", "label", (Option("v" * 151, "l" * 76), Option("x,y", ""), Option("x,y", "twice"))),
        Choice("d", "label", ()),
    )
    assert bad.form
    bad = replace(
        bad, blocks=(Title("t" * 25),), form=replace(bad.form, submit="s" * 25, cancel="", command="c" * 3000)
    )
    problems = "\n".join(measure(bad).problems)
    for part in (
        "the modal's title ('ttt",
        "the modal's submit",
        "the modal's close is empty",
        "the modal's metadata",
        "an input's label is empty",
        "has 2001 characters",
        "a placeholder",
        "a hint",
        "first value has 3001 characters; 3000 at most",
        "first value has 4 characters; 3 at most",
        "an input takes 0 characters",
        "101 options; 100 at most",
        "has 76 characters; 75",
        "has 151 characters; 150",
        "an option is empty",
        "has a comma",
        "an option's value 'x,y' stands there twice",
        "a choice has no options",
    ):
        assert part in problems


async def test_a_commands_form_opens_at_once(here: Slack, script: Script) -> None:
    script.says = [every_kind(Language.DE)]
    assert await here.send(form(payload("command", command="/steady", text="tips on"))) == (200, b"")
    opened = await here.far.called("views.open")
    assert opened["trigger_id"] == "1.2.3"
    view = opened["view"] if isinstance(opened["view"], dict) else json.loads(opened["view"])
    checked(view)
    assert json.loads(view["private_metadata"])["room"] == "C0ROOM001"
    assert await here.finish() == ["views.open"]
    assert (script.heard[0].room, script.heard[0].name) == (ROOM, "ann")


async def test_a_pressed_buttons_form_opens_and_the_message_stays(here: Slack, script: Script) -> None:
    script.says = [every_kind(Language.DE)]
    assert await here.send(interactive(payload("press"))) == (200, b"")
    assert (await here.far.called("views.open"))["trigger_id"] == "1.2.3"
    assert await here.finish() == ["views.open"]


def with_a_button(reply: Reply, strings: Strings, command: str) -> dict[str, Any]:
    button = Button(strings("button.open_form", reply.language), command, "primary")
    return to_slack(replace(reply, form=None, buttons=(button,)))


@pytest.mark.parametrize(("name", "method"), [("message", "chat.postMessage"), ("mention", "chat.postEphemeral")])
async def test_without_a_trigger_a_button_opens_the_form(
    here: Slack, script: Script, strings: Strings, name: str, method: str
) -> None:
    reply = form_of(Language.RU, Entry("time", "Когда?"))
    script.says = [reply, reply]
    await here.send_json(payload(name, event={"text": "tips on 9:30"}))
    shown = await here.far.called(method)
    assert {key: shown[key] for key in ("text", "blocks")} == with_a_button(reply, strings, "tips on 9:30")
    button = shown["blocks"][-1]["elements"][0] | {"block_id": shown["blocks"][-1]["block_id"]}
    await here.send(interactive(payload("press", actions=[button])))
    await here.far.called("views.open")
    assert (script.heard[-1].text, script.heard[-1].locale, script.heard[-1].pressed) == (
        "tips on 9:30",
        Language.RU,
        True,
    )


async def test_a_trigger_that_came_too_late_leaves_a_button(here: Slack, script: Script, strings: Strings) -> None:
    reply = form_of(Language.KA, Entry("time", "როდის?", error="ასეთი დრო არ არის"))
    script.says = [reply, reply]
    here.far.answers["views.open"] = [refused("expired_trigger_id")]
    command = payload("command", command="/steady", text="tips on", response_url=f"{here.far.url}respond/command")
    await here.send(form(command))
    shown = await here.far.called("command")
    explained = replace(reply, blocks=(*reply.blocks, Text("როდის?: ასეთი დრო არ არის")))
    assert shown == {"response_type": "ephemeral", **with_a_button(explained, strings, "/steady tips on")}
    here.far.broken.add("views.open")
    await here.send(interactive(payload("press", response_url=f"{here.far.url}respond/press")))
    assert (await here.far.called("press"))["replace_original"] is True


async def test_words_too_long_for_a_button_are_left_out_of_it(here: Slack, script: Script) -> None:
    script.says = [form_of(Language.EN, Entry("time", "When?"))]
    await here.send_json(payload("message", event={"text": "tips on " + "x" * 2000}))
    shown = await here.far.called("chat.postMessage")
    assert shown["blocks"][-1]["elements"][0]["value"] == "tips on"


async def test_what_was_filled_in_comes_back(here: Slack, script: Script) -> None:
    script.says = [DONE]
    assert await here.send(interactive(payload("view_submission"))) == (200, b"")
    assert await here.far.called("chat.postEphemeral") == {
        "channel": "C0ROOM001",
        "user": "U0AGENT01",
        **to_slack(DONE),
    }
    assert script.heard == [
        Message(
            "tips on",
            "slack:T0STEADY1",
            "U0AGENT01",
            Language.DE,
            pressed=True,
            room=ROOM,
            name="ann",
            values={
                "time": "09:30 & on time",
                "note": "",
                "language": "de",
                "zone": "",
                "days": "mon,fri",
                "topics": "",
            },
        )
    ]
    assert await here.finish() == ["chat.postEphemeral"]


async def test_every_field_comes_back_as_it_stood(here: Slack, script: Script) -> None:
    reply = every_kind(Language.DE)
    assert reply.form
    script.says = [DONE]
    await here.send(interactive(submitted(to_view(reply, reply.form, ROOM))))
    await here.far.called("chat.postEphemeral")
    assert script.heard[0].values == {
        field.name: field.value if isinstance(field, Entry) else ",".join(field.chosen) for field in reply.form.fields
    }


def asked(error: str = "", value: str = "", *, note: str = "") -> Reply:
    reply = form_of(
        Language.DE,
        Entry("time", "Wann?", value, error=error),
        Choice("days", "Tage", options(3), ("v0", "v2"), several=True),
    )
    return replace(reply, blocks=(*reply.blocks, Note(note))) if note else reply


async def answered(here: Slack, script: Script, first: Reply, again: Reply, **values: Any) -> dict[str, Any]:
    assert first.form
    script.says = [again]
    status, body = await here.send(interactive(submitted(to_view(first, first.form, ROOM), **values)))
    assert status == 200
    answer: dict[str, Any] = json.loads(body)
    return answer


async def test_errors_are_put_at_their_fields(here: Slack, script: Script) -> None:
    typed = {"time": {"value": "25:61"}}
    answer = await answered(here, script, asked(), asked("Keine Uhrzeit", "25:61"), **typed)
    assert answer == {"response_action": "errors", "errors": {"time 0": "Keine Uhrzeit"}}
    assert await here.finish() == []


@pytest.mark.parametrize(
    "again",
    [
        asked("Keine Uhrzeit", "25:61", note="Neu"),  # there is more to read
        asked("Keine Uhrzeit", "9:30"),  # what was typed has changed
        asked("", "25:61"),  # nothing is wrong, but it is asked again
    ],
    ids=range(3),
)
async def test_whatever_else_has_changed_is_drawn_anew(here: Slack, script: Script, again: Reply) -> None:
    answer = await answered(here, script, asked(), again, time={"value": "25:61"})
    assert again.form
    assert answer == {"response_action": "update", "view": to_view(again, again.form, ROOM, 1)}
    view = checked(answer["view"])
    assert [block["block_id"] for block in view["blocks"] if block["type"] == "input"] == ["time 1", "days 1"]
    script.says = [asked("Keine Uhrzeit", again.form.fields[0].value)]  # type: ignore[union-attr]
    _, body = await here.send(interactive(submitted(view)))
    if again.blocks == asked().blocks:
        assert json.loads(body) == {"response_action": "errors", "errors": {"time 1": "Keine Uhrzeit"}}
    else:
        assert json.loads(body)["response_action"] == "update"


async def test_a_field_that_was_not_shown_cannot_bear_an_error(here: Slack, script: Script) -> None:
    first, again = asked(), asked("Keine Uhrzeit", "")
    assert first.form
    content = submitted(to_view(first, first.form, ROOM))
    del content["view"]["state"]["values"]["time 0"]
    script.says = [again]
    assert json.loads((await here.send(interactive(content)))[1])["response_action"] == "update"


@pytest.mark.parametrize("room", ["D0AGENT01", "", "general", "C0ROOM001 ", "c0room001", 5, None, ["C0ROOM001"]])
async def test_without_a_room_of_several_the_answer_goes_to_the_direct_messages(
    here: Slack, script: Script, room: Any
) -> None:
    script.says = [DONE]
    content = payload("view_submission")
    metadata = json.loads(content["view"]["private_metadata"]) | {"room": room}
    content["view"]["private_metadata"] = json.dumps(metadata)
    assert await here.send(interactive(content)) == (200, b"")
    assert await here.far.called("chat.postMessage") == {"channel": "D0OPENED1", **to_slack(DONE)}
    known = Room("D0AGENT01", "D0AGENT01", personal=True)
    assert script.heard[0].room == (known if room == "D0AGENT01" else None)


@pytest.mark.parametrize(
    "metadata",
    ["", "{", "null", "[]", "5", '"tips on"', "{}", '{"command": 5}', '{"command": ""}', "[" * 50_000],
    ids=range(10),
)
async def test_a_modal_that_says_nothing_of_ours_is_closed(here: Slack, script: Script, metadata: str) -> None:
    content = payload("view_submission")
    content["view"]["private_metadata"] = metadata
    assert await here.send(interactive(content)) == (200, b"")
    assert await here.finish() == []
    assert script.heard == []


@pytest.mark.parametrize("number", [-1, 2**40, "1", 1.5, True, None, [], 10**400])
async def test_odd_numbers_in_a_modals_metadata_do_no_harm(here: Slack, script: Script, number: Any) -> None:
    content = payload("view_submission")
    metadata = {"command": "tips on", "language": number, "room": "C0ROOM001", "shape": number, "turn": number}
    content["view"]["private_metadata"] = json.dumps(metadata)
    script.says = [asked("Keine Uhrzeit")]
    answer = json.loads((await here.send(interactive(content)))[1])
    assert answer["response_action"] == "update"
    assert answer["view"]["blocks"][-1]["block_id"] == "days 1"
    assert script.heard[0].locale is None


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


@given(HOSTILE, HOSTILE)
def test_whatever_stands_in_a_modals_state_is_read_without_harm(state: Any, element: Any) -> None:
    for values in (
        state,
        {"time 0": element},
        {"time 0": {"time": element}},
        {"days 0": {"d": {"selected_options": [element]}}},
    ):
        content = payload("view_submission")
        content["view"]["state"] = {"values": values}
        sent = from_submission(parse(interactive(content)))
        assert sent
        assert all(isinstance(value, str) for value in sent.message.values.values())


async def test_a_modal_of_somebody_elses_is_closed(here: Slack, script: Script) -> None:
    content = payload("view_submission")
    content["view"]["callback_id"] = "another"
    assert await here.send(interactive(content)) == (200, b"")
    assert script.heard == []


async def test_a_closed_modal_is_let_pass(here: Slack, script: Script) -> None:
    assert await here.send(interactive(payload("view_closed"))) == (200, b"")
    assert script.heard == []


@pytest.mark.parametrize("late", [DONE, asked("Keine Uhrzeit", "25:61")], ids=["answer", "form"])
async def test_an_answer_that_takes_longer_follows_the_closed_modal(
    here: Slack, script: Script, strings: Strings, monkeypatch: pytest.MonkeyPatch, late: Reply
) -> None:
    monkeypatch.setattr("adapters.slack.listeners.SECONDS_FOR_A_MODAL", 0.01)
    script.wait = asyncio.Event()
    script.says = [late]
    assert await here.send(interactive(payload("view_submission"))) == (200, b"")
    assert here.far.names() == []
    script.wait.set()
    shown = await here.far.called("chat.postEphemeral")
    if late.form:
        late = replace(late, blocks=(*late.blocks, Text("Wann?: Keine Uhrzeit")))
        assert shown["blocks"] == with_a_button(late, strings, "tips on")["blocks"]
    else:
        assert shown["blocks"] == to_slack(late)["blocks"]
    assert await here.finish() == ["chat.postEphemeral"]


async def test_a_modal_sent_twice_is_answered_once(here: Slack, script: Script) -> None:
    script.says = [DONE]
    body = interactive(payload("view_submission"))
    for _ in range(2):
        assert await here.send(body) == (200, b"")
    assert await here.finish() == ["chat.postEphemeral"]


async def test_the_answer_to_a_modal_that_cannot_be_shown_in_the_room_is_a_direct_message(
    here: Slack, script: Script
) -> None:
    script.says = [DONE]
    here.far.answers["chat.postEphemeral"] = [refused("channel_not_found")]
    await here.send(interactive(payload("view_submission")))
    assert (await here.far.called("chat.postMessage"))["channel"] == "D0OPENED1"


def test_a_view_is_small_on_the_wire() -> None:
    reply = every_kind(Language.KA)
    assert reply.form
    assert measure(reply).bytes == pytest.approx(len(compact(to_view(reply, reply.form, ROOM)).encode()), abs=60)
