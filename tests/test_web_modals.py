"""Slack's modals in the playground: opened by a trigger, checked as Slack does, answered by the real adapter."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.blockkit import draw_form
from adapters.web.people import PERSONAS
from adapters.web.room import Modal, Room
from adapters.web.slack_modals import SlackModals
from tests.playground_program import Change, Program, program, slack_press
from tests.test_web_blockkit import XSS, plain

SAM = PERSONAS["sam"]


def options(*values: str) -> list[dict[str, Any]]:
    return [{"text": plain(value.upper()), "value": value} for value in values]


def field(block_id: str, kind: str, *, optional: bool = False, **element: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(f"Label {block_id}"),
        "element": {"type": kind, "action_id": f"a {block_id}", **element},
        "optional": optional,
    }


FIELDS = [
    {"type": "section", "text": plain("Read this")},
    {**field("line", "plain_text_input", initial_value="09:30", max_length=5), "hint": plain("A hint")},
    field("lines", "plain_text_input", multiline=True, optional=True),
    field("menu", "static_select", options=options("a", "b"), optional=True),
    field("one", "radio_buttons", options=options("c", "d"), initial_option=options("d")[0]),
    field("some", "checkboxes", options=options("e", "f"), initial_options=options("e", "f")),
    field("many", "multi_static_select", options=options("g", "h"), optional=True),
]
VIEW = {
    "type": "modal",
    "callback_id": "ours",
    "title": plain("Title"),
    "submit": plain("Save"),
    "private_metadata": "told",
    "blocks": FIELDS,
}
FILLED = {"line": ["9:30"], "lines": [], "menu": ["b"], "one": ["c"], "some": ["f"], "many": ["g", "h"]}


class App:
    """The app behind the modals: keeps what it was sent, and says what it is told to."""

    def __init__(self, answer: object = b"", status: int = 200) -> None:
        self.answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.status = status
        self.sent: list[dict[str, Any]] = []

    async def send(self, body: bytes, kind: str) -> tuple[int, str, bytes]:
        self.sent.append(json.loads(parse_qs(body.decode())["payload"][0]))
        return self.status, "application/json", self.answer


def opened(app: App, view: Any = VIEW, wait: float = 0.0) -> tuple[SlackModals, Any, Modal | None]:
    now = [100.0]
    room = Room(lambda: 1_800_000_000.0)
    modals = SlackModals(room, app.send, lambda: now[0])
    trigger = modals.trigger(SAM)
    now[0] += wait
    with room.watch() as changes:
        answer = modals.open({"trigger_id": trigger, "view": view})
        modal = changes.get_nowait() if changes.qsize() else None
    assert modals.open({"trigger_id": trigger, "view": view}) == "exchanged_trigger_id"
    assert modal is None or isinstance(modal, Modal)
    return modals, answer, modal


def test_a_trigger_opens_one_modal_within_three_seconds() -> None:
    _, answer, modal = opened(App())
    assert modal
    assert answer["view"]["id"].startswith("V")
    assert answer["view"]["state"]["values"]["line"] == {"a line": {"type": "plain_text_input", "value": "09:30"}}
    assert opened(App(), wait=3.1)[1] == "expired_trigger_id"
    assert (
        SlackModals(Room(lambda: 0.0), App().send).open({"trigger_id": "guess", "view": VIEW}) == "exchanged_trigger_id"
    )


@pytest.mark.parametrize(
    "view",
    [
        None,
        "view",
        {},
        {**VIEW, "type": "home"},
        {**VIEW, "blocks": "many"},
        {**VIEW, "blocks": [FIELDS[1], FIELDS[1]]},
        {**VIEW, "blocks": [{"type": "input"}]},
        {**VIEW, "blocks": [{**FIELDS[1], "element": {"type": "plain_text_input"}}]},
    ],
    ids=str,
)
def test_a_view_that_slack_would_not_show_is_refused(view: object) -> None:
    assert opened(App(), view)[1] == "invalid_arguments"


async def test_what_is_filled_in_is_sent_in_slacks_shape() -> None:
    app = App()
    modals, _, modal = opened(app)
    assert modal
    assert await modals.submit(modal.id, FILLED)
    assert modal.view is None, "an empty answer closes it"
    sent = app.sent[0]
    assert sent["type"] == "view_submission"
    assert sent["user"]["id"] == "U0SAM"
    assert (sent["view"]["callback_id"], sent["view"]["private_metadata"]) == ("ours", "told")
    assert sent["view"]["state"]["values"] == {
        "line": {"a line": {"type": "plain_text_input", "value": "9:30"}},
        "lines": {"a lines": {"type": "plain_text_input", "value": None}},
        "menu": {"a menu": {"type": "static_select", "selected_option": options("b")[0]}},
        "one": {"a one": {"type": "radio_buttons", "selected_option": options("c")[0]}},
        "some": {"a some": {"type": "checkboxes", "selected_options": options("f")}},
        "many": {"a many": {"type": "multi_static_select", "selected_options": options("g", "h")}},
    }
    assert not await modals.submit(modal.id, FILLED)
    assert not await modals.close(modal.id)


@pytest.mark.parametrize(
    "change",
    [
        {"line": ["too long"]},
        {"line": ["1", "2"]},
        {"menu": ["z"]},
        {"menu": ["a", "b"]},
        {"one": ["c", "d"]},
        {"some": ["e", "z"]},
        {"other": ["x"]},
        {"__proto__": []},
    ],
    ids=str,
)
async def test_what_nobody_could_fill_in_is_refused(change: dict[str, list[str]]) -> None:
    app = App()
    modals, _, modal = opened(app)
    assert modal
    assert not await modals.submit(modal.id, {**FILLED, **change})
    assert app.sent == []


async def test_slack_itself_asks_for_what_is_missing() -> None:
    app = App()
    modals, _, modal = opened(app)
    assert modal
    assert await modals.submit(modal.id, {"line": [""], "some": []})
    assert modal.errors == {"line": "", "one": "", "some": ""}
    assert app.sent == []


async def test_errors_stand_at_their_fields_and_a_new_view_takes_the_place() -> None:
    app = App({"response_action": "errors", "errors": {"line": "No such time"}})
    modals, _, modal = opened(app)
    assert modal
    assert await modals.submit(modal.id, FILLED)
    assert modal.errors == {"line": "No such time"}
    assert modal.typed == FILLED
    app.answer = json.dumps({"response_action": "update", "view": {**VIEW, "title": plain("New")}}).encode()
    assert await modals.submit(modal.id, FILLED)
    assert modal.view
    assert modal.view["title"] == plain("New")
    assert (modal.errors, modal.typed) == ({}, {})
    app.answer = b'{"response_action": "clear"}'
    assert await modals.submit(modal.id, FILLED)
    assert modal.view is None


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", 500),
        (b"", 0),
        (b"not json", 200),
        ([], 200),
        ({"response_action": "push", "view": VIEW}, 200),
        ({"response_action": "errors", "errors": []}, 200),
        ({"response_action": "update", "view": {}}, 200),
    ],
    ids=str,
)
async def test_an_answer_that_slack_can_not_use_is_said_so(answer: object, status: int) -> None:
    modals, _, modal = opened(App(answer, status))
    assert modal
    assert await modals.submit(modal.id, FILLED)
    assert modal.note == "web.slack_failed"
    assert modal.view, "what was typed is still there"
    assert modal.typed == FILLED


async def test_closing_is_told_to_who_asked_for_it() -> None:
    app = App()
    modals, _, modal = opened(app)
    assert modal
    assert await modals.close(modal.id)
    assert app.sent == []
    modals, _, modal = opened(app, {**VIEW, "notify_on_close": True})
    assert modal
    assert await modals.close(modal.id)
    assert [sent["type"] for sent in app.sent] == ["view_closed"]


def test_every_input_is_drawn_with_its_label_hint_and_error() -> None:
    html = str(draw_form(FIELDS, {}, {"line": "No such time", "some": "Pick one"}, "m", "optional"))
    assert "Unsupported" not in html
    assert "Read this" in html
    assert (
        '<label for="m-1">Label line</label><input type="text" id="m-1" data-block="line" data-action="a line"' in html
    )
    assert 'aria-invalid="true" aria-describedby="m-1-hint m-1-error" maxlength="5"' in html
    assert 'value="09:30"' in html
    assert '<p class="sk-hint" id="m-1-hint">A hint</p>' in html
    assert '<p class="sk-error" id="m-1-error"><strong>No such time</strong></p>' in html
    assert "<textarea" in html
    assert '<select id="m-3"' in html
    assert 'type="radio" name="m-4" value="d" data-block="one" data-action="a one" checked>' in html
    assert html.count('type="checkbox"') == 4
    assert html.count("(optional)") == 3
    assert '<fieldset class="sk-field" aria-describedby="m-5-error"><legend>Label some</legend>' in html
    typed = str(draw_form(FIELDS, {"line": ["10:00"], "some": []}, {}, "m"))
    assert 'value="10:00"' in typed
    assert "aria-invalid" not in typed
    assert typed.count("checked") == 1


@given(st.text())
def test_no_text_of_a_form_becomes_markup(text: str) -> None:
    hostile = f"{text}{XSS}</textarea></select>{text}"
    blocks = [
        {
            **field(hostile, kind, options=[{"text": plain(hostile), "value": hostile}], initial_value=hostile),
            "label": plain(hostile),
            "hint": plain(hostile),
        }
        for kind in ("plain_text_input", "static_select", "radio_buttons", "checkboxes", "multi_static_select", hostile)
    ]
    blocks.append(field("lines", "plain_text_input", multiline=True, placeholder=plain(hostile), initial_value=hostile))
    html = str(draw_form(blocks, {}, {hostile: hostile}, "m", hostile))
    assert "<img" not in html
    assert html.count("</textarea>") == 1
    assert html.count("</select>") == 1


# ---- through the real adapter


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    async with program(tmp_path) as running:
        yield running


async def modal_with(here: Program, *words: str) -> Change:
    return await here.until(lambda c: c["kind"] == "modal" and all(word in c["html"] for word in words))


def typed_into(modal: Change, **typed: list[str]) -> dict[str, object]:
    """Return the page's request that sends the form for tips; `typed` goes by the fields' names."""
    blocks = dict.fromkeys(re.findall(r'data-block="([^"]*)"', modal["html"]))
    known = {
        "time": ["09:30"],
        "zone": ["Europe/Berlin"],
        "days": ["0"],
        "rhythm": ["daily"],
        "language": ["de"],
        **typed,
    }
    return {"modal": modal["id"], "values": {block: known.get(block.partition(" ")[0], []) for block in blocks}}


async def test_tips_are_set_up_by_the_modal_with_an_error_first(here: Program) -> None:
    await here.send("/steady tips on", place="channel")
    modal = await modal_with(here, "Tips for this channel", "Europe/London")
    assert (await here.post("submit", typed_into(modal, time=["25:61"])))[0] == 200
    wrong = await modal_with(here, "25:61", "sk-error")
    assert "is no time that I know" in wrong["html"]
    assert (await here.post("submit", typed_into(modal, zone=["Mars/Base<script>"], topics=["nothing"])))[0] == 400
    assert (await here.post("submit", typed_into(modal, zone=["Mars/Base<script>"])))[0] == 200
    wrong = await modal_with(here, "Mars/Base&lt;script&gt;", "sk-error")
    assert "<script" not in wrong["html"]
    assert (await here.post("submit", typed_into(wrong)))[0] == 200
    closed = await here.until(lambda c: c["kind"] == "modal" and c["html"] == "")
    assert closed["id"] == modal["id"]
    await here.shows("slack", "Tips are on", "only Sam Carter sees this")
    await here.shows("slack", "Tipps für diesen Kanal", "#support-desk")
    assert await here.post("close", {"modal": modal["id"]}) == (400, "There is no such modal.")


async def test_a_button_opens_the_modal_too_and_cancelling_leaves_all_as_it_was(here: Program) -> None:
    await here.send("/steady tips", place="channel")
    status = await here.shows("slack", "No tips are set up here yet")
    await here.post("press", slack_press(status, "Set up tips"))
    modal = await modal_with(here, "Tips for this channel")
    assert await here.post("close", {"modal": modal["id"]}) == (200, '{"ok": true}')
    await here.until(lambda c: c["kind"] == "modal" and c["html"] == "")
    desk = await here.desk(lambda d: True)
    assert desk["schedules"].count("No tips are set up here yet.") == 2
