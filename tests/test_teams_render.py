"""The cards: every topic in every language as golden files, the official schema, the limits, and no mark-up ever."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.teams import measure, to_activity, to_card
from adapters.teams.limits import MESSAGE_BYTES
from adapters.teams.render import ACTIONS_PER_ROW, markdown_escaped
from chatbot.coach import Coach
from chatbot.guidance import Guidance
from chatbot.model import (
    Block,
    Button,
    Choice,
    Entry,
    Field,
    Form,
    Language,
    Lead,
    Message,
    Note,
    Option,
    Outcome,
    Phrase,
    Points,
    Reply,
    Room,
    Steps,
    Text,
    Title,
    plain_text,
)

SCHEMA = Path(__file__).parents[2] / "shared" / "schemas" / "adaptive-card.1.5.0.json"
OTHER_CARDS = ("help", "topics", "archetype", "step", "say", "next pause", "language", "more pause", "worked pause")

ReplyTo = Callable[..., Awaitable[Reply]]


def topic_ids() -> list[str]:
    folder = Path(__file__).parents[1] / "responses" / "topics"
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.md"))


@pytest.fixture(scope="session")
def validate() -> Callable[[dict[str, Any]], None]:
    if not SCHEMA.exists():  # golden files and limits are compared all the same
        return lambda card: None
    validator = jsonschema.Draft6Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return lambda card: validator.validate(card)


def test_the_schema_is_there_to_validate_against() -> None:
    if not SCHEMA.exists():
        pytest.skip("cards are not validated: the Adaptive Card schema is not beside this checkout (../shared/schemas)")


async def every_language(reply_to: ReplyTo, text: str) -> dict[str, Reply]:
    return {str(language): await reply_to(text, language, pressed=True) for language in Language}


@pytest.mark.parametrize("topic", topic_ids())
async def test_topics_look_as_agreed(
    reply_to: ReplyTo, golden: Callable[[str, Any], None], guidance: Guidance, topic: str
) -> None:
    assert topic in guidance.topics
    replies = await every_language(reply_to, topic)
    assert {reply.outcome.topic for reply in replies.values()} == {topic}
    golden(f"teams/{topic}", {language: to_activity(reply) for language, reply in replies.items()})


@pytest.mark.parametrize("text", [*topic_ids(), *(f"more {topic}" for topic in topic_ids()), *OTHER_CARDS])
async def test_cards_are_valid_and_within_the_limits(
    reply_to: ReplyTo, validate: Callable[[dict[str, Any]], None], text: str
) -> None:
    for reply in (await every_language(reply_to, text)).values():
        validate(to_card(reply))
        measured = measure(reply)
        assert measured.problems == ()
        assert 0 < measured.bytes <= measured.limit == MESSAGE_BYTES


async def test_the_welcome_is_valid(coach: Coach, validate: Callable[[dict[str, Any]], None]) -> None:
    for language in Language:
        validate(to_card(coach.welcome(language, "*Anna* <at>")))


def a_reply(*blocks: Block, buttons: tuple[Button, ...] = ()) -> Reply:
    return Reply(blocks, Language.EN, Outcome("menu"), buttons)


texts = st.text(max_size=60) | st.sampled_from(
    [
        "**b**",
        "[x](https://x.test)",
        "<at>Anna</at>",
        "1. one",
        "- a",
        "{{DATE(2026-01-01T00:00:00Z)}}",
        "a\n# b",
        "\\*",
    ]
)
buttons = st.builds(Button, texts, texts, st.sampled_from(["plain", "primary", "danger"]), st.booleans())
names = st.sampled_from(["time", "language", "command", "form", "room"])
entries = st.builds(Entry, names, texts, texts, texts, texts, texts, st.booleans(), st.booleans())
options = st.lists(st.builds(Option, names, texts), min_size=1, max_size=9).map(tuple)
choices = st.builds(Choice, names, texts, options, st.just(("time",)), texts, st.booleans(), st.booleans())
fields = st.lists(entries | choices, max_size=4, unique_by=lambda field: field.name).map(tuple)
forms = st.builds(Form, texts, texts, texts, fields)
rooms = st.none() | st.builds(Room, texts, texts)
items = st.lists(texts, max_size=4).map(tuple)
replies = st.builds(
    Reply,
    blocks=st.lists(
        st.one_of(
            st.builds(Title, texts),
            st.builds(Lead, texts),
            st.builds(Text, texts),
            st.builds(Note, texts),
            st.builds(Steps, items),
            st.builds(Points, texts, items),
            st.builds(Phrase, texts, texts, st.sampled_from(Language)),
            st.builds(Field, texts, texts, texts, texts),
        ),
        max_size=6,
    ).map(tuple),
    language=st.sampled_from(Language),
    outcome=st.just(Outcome("menu")),
    buttons=st.lists(buttons, max_size=14).map(tuple),
    form=st.none() | forms,
)


def elements(card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for element in card["body"]:
        yield element
        yield from element.get("items", ())


@given(reply=replies, about=rooms)
def test_any_reply_makes_a_valid_card(
    validate: Callable[[dict[str, Any]], None], reply: Reply, about: Room | None
) -> None:
    validate(to_card(reply, about))
    assert json.loads(json.dumps(to_activity(reply, about)))


def unescaped(text: str) -> str:
    """Read Markdown the way CommonMark does: a backslash before ASCII punctuation is not part of the text."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


@given(text=texts)
def test_a_title_reads_as_it_is_and_holds_no_active_mark(text: str) -> None:
    shown = markdown_escaped(text)
    assert unescaped(shown).replace("\N{WORD JOINER}", "") == text.replace("\N{WORD JOINER}", "")
    active = re.sub(r"\\[!-/:-@\[-`{-~]", "x", shown)
    assert not re.search(r"[*_`\[\]<>&~|]|\\", active)
    assert not re.search(r"^[ \t]*([-+#=]|\d+[.)])", active, re.MULTILINE)
    assert "{{" not in shown


@given(reply=replies)
def test_every_other_text_is_a_literal_run(reply: Reply) -> None:
    """Only the title is Markdown; nothing but literal runs, labels and placeholders carries a text otherwise."""
    card = to_card(reply)
    assert sum(element["type"] == "TextBlock" for element in elements(card)) == sum(
        isinstance(block, Title) for block in reply.blocks
    )
    for element in elements(card):
        assert element["type"] in (
            "TextBlock",
            "RichTextBlock",
            "Container",
            "Input.Text",
            "Input.ChoiceSet",
            "ActionSet",
        )
        for option in element.get("choices", ()):
            assert "{{" not in option["title"]
            assert "](" not in option["title"]
        for run in element.get("inlines", ()):
            assert run["type"] == "TextRun"
            assert run.keys() <= {"type", "text", "weight", "size", "isSubtle", "color"}
            assert "{{" not in run["text"]
        for action in element.get("actions", ()):
            assert action["type"] == "Action.Execute"
            assert "{{" not in action["title"]


@given(reply=replies, about=rooms)
def test_every_button_carries_its_command_the_language_and_the_room(reply: Reply, about: Room | None) -> None:
    actions = [action for element in elements(to_card(reply, about)) for action in element.get("actions", ())]
    room = {"room": about.address} if about else {}
    pressed = [action["data"] for action in actions[len(actions) - len(reply.buttons) :]]
    assert pressed == [
        {"command": button.command, "language": reply.language, **room} | ({"private": True} if button.private else {})
        for button in reply.buttons
    ]
    for action in actions:
        assert action["verb"] == "steady"
        assert action["data"].get("room") == (about.address if about else None)
        assert action["fallback"]["type"] == "Action.Submit"
        assert action["fallback"]["data"] == action["data"]
        assert (action["associatedInputs"] == "auto") is ("form" in action["data"] or "field" in action["data"])


EVERY_FIELD = {
    Language.EN: ("Tips for this channel", "Time", "Days", "Save", "Cancel", "“25:61” is no time of day.", "Monday"),
    Language.DE: (
        "Tipps für den Kanal",
        "Uhrzeit",
        "Tage",
        "Speichern",
        "Abbrechen",
        "„25:61“ ist keine Uhrzeit.",
        "Montag",
    ),
    Language.RU: ("Советы для канала", "Время", "Дни", "Сохранить", "Отмена", "«25:61» – это не время.", "понедельник"),
    Language.KA: ("არხის რჩევები", "დრო", "დღეები", "შენახვა", "გაუქმება", "„25:61“ დრო არ არის.", "ორშაბათი"),
}


def a_form(language: Language) -> Reply:
    """Return a form with every kind of field: filled in, wrong, with a hint, optional, of few and of many options."""
    title, time, days, submit, cancel, wrong, monday = EVERY_FIELD[language]
    few, many = (tuple(Option(str(n), f"{monday} {n}") for n in range(count)) for count in (3, 12))
    form = Form(
        "tips save",
        submit,
        cancel,
        (
            Entry("time", time, "25:61", "09:30", error=wrong, longest=20),
            Entry("zone", "Zone", "", "Europe/Berlin", hint="Europe/Berlin"),
            Entry("text", time, lines=True, optional=True, longest=2_000),
            Choice("days", days, few, ("0", "2"), several=True),
            Choice("day", days, few, ("1",), error=wrong),
            Choice("topics", days, many, several=True, optional=True),
            Choice("language", days, many, ("3",)),
        ),
    )
    return Reply((Title(title),), language, Outcome("menu"), form=form)


def test_a_form_looks_as_agreed(golden: Callable[[str, Any], None], validate: Callable[[dict[str, Any]], None]) -> None:
    cards = {str(language): to_activity(a_form(language)) for language in Language}
    golden("teams/form", cards)
    for activity in cards.values():
        validate(activity["attachments"][0]["content"])


def test_a_wrong_field_is_said_in_words_right_below_it() -> None:
    body = to_card(a_form(Language.EN))["body"]
    (place,) = [n for n, element in enumerate(body) if element.get("id") == "form_time"]
    assert body[place]["value"] == "25:61"
    (run,) = body[place + 1]["inlines"]
    assert (run["text"], run["color"]) == (EVERY_FIELD[Language.EN][5], "attention")


def test_what_must_be_filled_in_says_so_and_the_rest_need_not() -> None:
    for language in Language:
        inputs = [element for element in to_card(a_form(language))["body"] if "id" in element]
        assert {element["id"] for element in inputs if not element.get("isRequired")} == {"form_text", "form_topics"}
        assert all(element["label"] for element in inputs)
        assert len({element["errorMessage"] for element in inputs if element.get("isRequired")}) == 1


def test_sending_a_form_reads_its_inputs_and_leaving_it_does_not() -> None:
    submit, cancel = to_card(a_form(Language.EN))["body"][-1]["actions"]
    names = ["time", "zone", "text", "days", "day", "topics", "language"]
    assert submit["data"] == {"command": "tips save", "language": "en", "form": names}
    assert (submit["associatedInputs"], cancel["associatedInputs"]) == ("auto", "none")
    assert cancel["data"] == {"command": "topics", "language": "en"}


#: Longer than any that Teams gives.
FAR_AWAY = Room("19:x@thread.tacv2", "x" * 700)


async def test_cards_about_a_room_keep_within_the_limits_too(reply_to: ReplyTo) -> None:
    for text in ("topics", "help", "archetype", "pause", "step 3", "emergency"):
        for reply in (await every_language(reply_to, text)).values():
            sent = json.dumps(to_activity(reply, FAR_AWAY), ensure_ascii=False)
            assert len(sent.encode("utf-16-le")) <= MESSAGE_BYTES, text
            assert len(sent.encode()) <= 28 * 1024, text  # what Teams' oldest ways in allow


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 12, 13])
def test_rows_of_buttons_are_even_and_none_is_hidden(count: int) -> None:
    reply = a_reply(Title("T"), buttons=tuple(Button(str(n), str(n)) for n in range(count)))
    rows = [element["actions"] for element in to_card(reply)["body"] if element["type"] == "ActionSet"]
    assert [action["title"] for row in rows for action in row] == [str(n) for n in range(count)]
    sizes = [len(row) for row in rows]
    assert max(sizes, default=0) <= ACTIONS_PER_ROW
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


async def test_what_notifications_and_clients_without_cards_show(reply_to: ReplyTo) -> None:
    reply = await reply_to("pause", Language.KA, pressed=True)
    activity = to_activity(reply)
    assert activity["summary"] == reply.summary
    card = activity["attachments"][0]["content"]
    assert unescaped(card["fallbackText"]) == plain_text(reply)
    assert card["body"][0]["style"] == "heading"


def test_a_reply_that_is_too_large_is_told() -> None:
    (problem,) = measure(a_reply(Text("ა" * MESSAGE_BYTES))).problems
    assert "UTF-16" in problem


async def test_the_core_gives_no_reply_without_a_title(coach: Coach) -> None:
    for text in ("", "help", "gibberish", *OTHER_CARDS):
        reply = await coach.reply(Message(text, "w", "p"))
        assert isinstance(reply.blocks[0], Title), text
