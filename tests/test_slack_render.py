"""What Block Kit a reply becomes: valid, within Slack's limits, and never markup."""

import json
import re
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SlackBlock
from slack_sdk.models.blocks import RichTextBlock

from adapters.slack import measure, to_slack
from adapters.slack.render import literal
from chatbot.coach import Coach
from chatbot.commands import COMMANDS
from chatbot.content import BUILT_IN_RESPONSES
from chatbot.guidance import Guidance
from chatbot.model import (
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
)
from chatbot.strings import Strings

TOPICS = sorted(
    path.relative_to(BUILT_IN_RESPONSES / "topics").with_suffix("").as_posix()
    for path in (BUILT_IN_RESPONSES / "topics").rglob("*.md")
)
OUTCOME = Outcome("menu")


def in_order(value: Any) -> Any:
    """Return lists of buttons and blocks as they are, for comparing what the SDK's models made of them."""
    return json.loads(json.dumps(value))


def check(reply: Reply) -> None:
    """Assert that Slack would take the reply: by our own limits, and by the SDK's models."""
    assert measure(reply).problems == ()
    blocks = to_slack(reply)["blocks"]
    parsed = SlackBlock.parse_all(blocks)
    assert [block["type"] for block in blocks] == [block.type for block in parsed]
    for block in parsed:
        block.validate_json()
        block.to_dict()
    assert [in_order(b.to_dict()) for b in parsed if not isinstance(b, RichTextBlock)] == [
        in_order(b) for b in blocks if b["type"] != "rich_text"
    ]


@pytest.mark.parametrize("topic", TOPICS)
async def test_every_topic_in_every_language(
    coach: Coach, guidance: Guidance, golden: Callable[[str, Any], None], topic: str
) -> None:
    drawn = {}
    for language in Language:
        reply = await coach.reply(Message(topic, "w", "p", language, pressed=True))
        assert reply.outcome.topic == topic
        assert reply.language is language
        check(reply)
        drawn[language.value] = to_slack(reply)
    golden(f"slack/{topic.replace('/', '-')}", drawn)


async def test_whatever_can_be_reached_by_pressing_fits(coach: Coach) -> None:
    for language in Language:
        reached: set[str] = set()
        waiting = ["", "help", "customer"]
        check(coach.welcome(language, "Ann Example"))
        while waiting:
            command = waiting.pop()
            if command in reached:
                continue
            reached.add(command)
            reply = await coach.reply(Message(command, "w", "p", language, pressed=True))
            assert measure(reply).problems == (), (command, language)
            # Choosing a language for good would change what the rest of the walk is answered in.
            waiting += [button.command for button in reply.buttons if not button.command.startswith("language ")]
        assert len(reached) > 100


@pytest.mark.parametrize("more", [1, 14, 40])
async def test_help_goes_on_where_commands_do_not_fit_on_one_card(
    coach: Coach, strings: Strings, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    listed = [entry for entry in COMMANDS.values() if entry.listed and entry.role == "agent"]
    for number in range(more):
        monkeypatch.setitem(COMMANDS, f"another-{number}", listed[number % len(listed)])
    for language in Language:
        command, lines, cards = "help", list[str](), 0
        while command:
            reply = await coach.reply(Message(command, "w", "p", language, pressed=True))
            check(reply)
            cards += 1
            lines += next(block.items for block in reply.blocks if isinstance(block, Points))
            command = next((button.command for button in reply.buttons if button.command.startswith("help ")), "")
        assert len(lines) == len(listed) + more
        assert strings(f"commands.{listed[-1].name}.usage", language) in " ".join(lines)
        assert cards > 1 or language is not Language.KA


def test_every_kind_of_block_has_its_place() -> None:
    reply = Reply(
        blocks=(
            Title("title"),
            Lead("lead"),
            Text("text"),
            Steps(("one", "two")),
            Points("label", ("item", "item")),
            Points("label", ("a line",)),
            Phrase("Say:", "words", Language.KA),
            Field("label", "placeholder", "submit", "say"),
            Note("note"),
        ),
        buttons=(Button("plain", "calm"), Button("go", "next calm", "primary"), Button("no", "other calm", "danger")),
        language=Language.RU,
        outcome=OUTCOME,
    )
    check(reply)
    header, rich, field, submit, note, buttons = to_slack(reply)["blocks"]
    assert header["type"] == "header"
    assert [element["type"] for element in rich["elements"]] == [
        "rich_text_section",
        "rich_text_section",
        "rich_text_list",
        "rich_text_section",
        "rich_text_list",
        "rich_text_section",
        "rich_text_section",
        "rich_text_section",
        "rich_text_quote",
    ]
    assert [element["style"] for element in rich["elements"] if "style" in element] == ["ordered", "bullet"]
    assert (field["block_id"], field["element"]["action_id"]) == ("ru 2", "type say")
    assert (submit["block_id"], submit["elements"][0]["action_id"]) == ("ru 3", "submit say")
    assert note["elements"][0]["type"] == "plain_text"
    assert buttons["block_id"] == "ru 5"
    assert [(b["value"], b.get("style")) for b in buttons["elements"]] == [
        ("calm", None),
        ("next calm", "primary"),
        ("other calm", "danger"),
    ]


def test_many_buttons_go_in_several_rows() -> None:
    buttons = tuple(Button(str(number), str(number)) for number in range(30))
    reply = Reply((Title("title"),), Language.EN, OUTCOME, buttons)
    check(reply)
    assert [len(block["elements"]) for block in to_slack(reply)["blocks"][1:]] == [25, 5]


def test_what_slack_would_refuse_is_named() -> None:
    reply = Reply(
        (Title("t" * 151), Text("ქ" * 1400), Field("", "p" * 151, "s")),
        Language.EN,
        OUTCOME,
        (Button("b" * 76, "c"), Button("x", "")),
    )
    problems = "\n".join(measure(reply).problems)
    for part in ("a header", "a placeholder", "an input's label is empty", "has 76 characters", "value is empty"):
        assert part in problems
    assert re.search(r"the message has \d+ bytes; 4000 at most", problems)


TEXTS = st.text(
    alphabet=st.sampled_from("*_~`<>&@#!|:/.-+ \n" + string.ascii_lowercase + "ქдü"), min_size=1, max_size=60
)
WORDS = st.one_of(TEXTS, st.sampled_from(["*bold*", "<!channel>", ":smile:", "https://example.com", "> quote", "&lt;"]))
BLOCKS = st.one_of(
    st.builds(Title, WORDS),
    st.builds(Lead, WORDS),
    st.builds(Text, WORDS),
    st.builds(Steps, st.lists(WORDS, min_size=1, max_size=4).map(tuple)),
    st.builds(Points, WORDS, st.lists(WORDS, min_size=1, max_size=4).map(tuple)),
    st.builds(Phrase, WORDS, WORDS, st.sampled_from(Language)),
    st.builds(Field, WORDS, WORDS, WORDS, TEXTS),
    st.builds(Note, WORDS),
)
REPLIES = st.builds(
    Reply,
    st.lists(BLOCKS, min_size=1, max_size=8).map(tuple),
    st.sampled_from(Language),
    st.just(OUTCOME),
    st.lists(st.builds(Button, WORDS, TEXTS), max_size=6).map(tuple),
)


def texts_in(value: Any) -> list[dict[str, Any]]:
    """Return every object that holds a text to show."""
    if isinstance(value, list):
        return [found for item in value for found in texts_in(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if isinstance(value.get("text"), str) else []
    return own + [found for item in value.values() for found in texts_in(item)]


@given(REPLIES)
def test_no_text_is_drawn_where_slack_reads_markup(reply: Reply) -> None:
    for text in texts_in(to_slack(reply)["blocks"]):
        assert text["type"] in ("plain_text", "text")
        assert text["type"] == "text" or text.get("emoji") is False or ":" not in text["text"]


@given(WORDS)
def test_the_fallback_text_is_never_markup(text: str) -> None:
    shown = literal(text)
    assert not re.search(r"[<>]|&(?!(?:amp|lt|gt);)", shown), "no link, mention or stray entity"
    assert not re.search(r"[*_~`@#](?!\u2060)", shown), "no bold, italics, struck or code; no bare mention"
    assert not re.search(r":[\w+'-]+:", shown), "no emoji"
    assert not re.search(r"\w://", shown), "no link"
    assert not re.search(r"^&gt;", shown, re.MULTILINE), "no quote"
    back = shown.replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == text


@given(REPLIES)
def test_rendering_is_repeatable_and_ids_are_unique(reply: Reply) -> None:
    drawn = to_slack(reply)
    assert drawn == to_slack(reply)
    ids = [block["block_id"] for block in drawn["blocks"] if "block_id" in block]
    assert len(ids) == len(set(ids))
    assert not any("twice" in problem for problem in measure(reply).problems)
