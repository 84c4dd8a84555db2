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
    Field,
    Language,
    Lead,
    Message,
    Note,
    Outcome,
    Phrase,
    Points,
    Reply,
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
buttons = st.builds(Button, texts, texts, st.sampled_from(["plain", "primary", "danger"]))
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
)


def elements(card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for element in card["body"]:
        yield element
        yield from element.get("items", ())


@given(reply=replies)
def test_any_reply_makes_a_valid_card(validate: Callable[[dict[str, Any]], None], reply: Reply) -> None:
    validate(to_card(reply))
    assert json.loads(json.dumps(to_activity(reply)))


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
        assert element["type"] in ("TextBlock", "RichTextBlock", "Container", "Input.Text", "ActionSet")
        for run in element.get("inlines", ()):
            assert run["type"] == "TextRun"
            assert run.keys() <= {"type", "text", "weight", "size", "isSubtle"}
            assert "{{" not in run["text"]
        for action in element.get("actions", ()):
            assert action["type"] == "Action.Execute"
            assert "{{" not in action["title"]


@given(reply=replies)
def test_every_button_carries_its_command_and_the_language(reply: Reply) -> None:
    actions = [action for element in elements(to_card(reply)) for action in element.get("actions", ())]
    plain = [action for action in actions if action["associatedInputs"] == "none"]
    assert [action["data"] for action in plain] == [
        {"command": button.command, "language": reply.language} for button in reply.buttons
    ]
    for action in actions:
        assert action["verb"] == "steady"
        assert action["fallback"]["type"] == "Action.Submit"
        assert action["fallback"]["data"] == action["data"]


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
