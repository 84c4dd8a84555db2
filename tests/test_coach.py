"""The core by conversation: what an agent types, and what comes back."""

import asyncio
import logging
from copy import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chatbot.coach import Coach
from chatbot.commands import COMMANDS, Parser, bare
from chatbot.guidance import Guidance, fold
from chatbot.model import Language, Message, Phrase, Reply, Title, plain_text
from chatbot.recognition.recogniser import Recogniser
from chatbot.store.memory import MemoryPreferences
from chatbot.strings import Strings

ALL = list(Language)


async def test_a_topic_by_alias(ask: Any) -> None:
    assert "2 minutes" in await ask("need a minute")


@pytest.mark.parametrize("text", ["/calm", "calm", "/steady calm", "steady calm", "CALM", " /Steady  /calm "])
async def test_one_card_by_every_spelling(reply_to: Any, text: str) -> None:
    assert (await reply_to(text)).outcome.topic == "calm"


@pytest.mark.parametrize(
    ("text", "topic", "language"),
    [
        ("Nörgler", "archetype/whiner", Language.DE),
        ("нытик", "archetype/whiner", Language.RU),
        ("წუწუნა", "archetype/whiner", Language.KA),
        ("whiner", "archetype/whiner", Language.EN),
        ("/archetype whiner", "archetype/whiner", Language.EN),
        ("typ nörgler", "archetype/whiner", Language.DE),
        ("шаг 3", "step/apologise", Language.RU),
        ("ნაბიჯი 7", "step/diagnose", Language.KA),
        ("/step apologise", "step/apologise", Language.EN),
    ],
)
async def test_the_words_choose_the_language(reply_to: Any, text: str, topic: str, language: Language) -> None:
    reply = await reply_to(text)
    assert (reply.outcome.topic, reply.language) == (topic, language)


async def test_every_name_in_every_language_leads_to_its_topic(reply_to: Any, guidance: Guidance) -> None:
    for topic in guidance.topics.values():
        for name in (topic.id, *(alias for aliases in topic.aliases.values() for alias in aliases)):
            for spelling in (name, name.upper(), f"/{name}", f"/steady {name}", f" “{name}”! "):
                assert (await reply_to(spelling)).outcome.topic == topic.id, spelling


@pytest.mark.parametrize("language", ALL)
async def test_archetype_without_a_name_offers_the_seven(reply_to: Any, language: Language) -> None:
    reply = await reply_to("/archetype", language)
    assert len(reply.outcome.choices) == 7
    for button, topic in zip(reply.buttons, reply.outcome.choices, strict=False):
        assert (await reply_to(button.command, language, pressed=True)).outcome.topic == topic


@pytest.mark.parametrize("text", ["archetype gnome", "/step 9", "/step 0", "/say xyzzy", "/language klingon"])
async def test_a_wrong_argument_is_named_and_choices_are_offered(reply_to: Any, text: str) -> None:
    reply = await reply_to(text)
    assert reply.outcome.kind == "menu"
    assert len(reply.buttons) > 3


@pytest.mark.parametrize(
    "text", ["next customer is furious", "help me he keeps yelling", "other people complain", "step on it"]
)
async def test_plain_words_that_begin_like_a_command_are_not_taken_for_one(reply_to: Any, text: str) -> None:
    why = (await reply_to(text)).outcome.why
    assert not any(word in why for word in ("help", "comes after", "the seven", "not ", "an error")), why


@pytest.mark.parametrize("pressed", [False, True])
@pytest.mark.parametrize(
    "text", ["/calm the customer says he will kill himself", "next time he will kill himself", "help he has a gun"]
)
async def test_danger_comes_before_any_command(reply_to: Any, text: str, pressed: bool) -> None:
    assert (await reply_to(text, pressed=pressed)).outcome.kind == "safety"


@pytest.mark.parametrize(
    ("text", "why"), [("Hi!", "the welcome"), ("привет", "the welcome"), ("danke", "thanks"), ("მადლობა", "thanks")]
)
async def test_a_greeting_is_greeted(reply_to: Any, text: str, why: str) -> None:
    assert (await reply_to(text)).outcome.why == why
    assert (await reply_to(f"{text} the customer is yelling at me again")).outcome.why != why


async def test_a_slash_command_that_does_not_exist_is_not_guessed_at(reply_to: Any) -> None:
    assert (await reply_to("/nonsense")).outcome.kind == "menu"


async def test_copies_of_a_coach_share_one_recogniser_and_load_it_once(
    guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> None:
    loads: list[int] = []

    def load() -> Recogniser:
        loads.append(1)
        return recogniser

    coach = Coach(guidance, strings, MemoryPreferences(), load)
    both = [coach, copy(coach)]
    replies = await asyncio.gather(*(c.reply(Message("she keeps shouting at me", "w", "p")) for c in both * 3))
    assert {reply.outcome.kind for reply in replies} == {"topic"}
    assert len(loads) == 1


@pytest.mark.parametrize("text", ["", "   ", "/", "/steady", "?!", "🤷"])
async def test_nothing_said_gets_the_menu(reply_to: Any, text: str) -> None:
    assert (await reply_to(text)).outcome.kind == "menu"


async def test_every_button_of_every_card_leads_somewhere(reply_to: Any, guidance: Guidance) -> None:
    """Follow all buttons from the menu: no dead end, in any language, and every topic is reached."""
    reached: set[str] = set()
    for language in ALL:
        todo, seen = ["topics", "help", "say", "language"], set()
        while todo:
            command = todo.pop()
            if command in seen or (command.startswith("language ") and len(command.split()) == 2):
                continue
            seen.add(command)
            reply: Reply = await reply_to(command, language, pressed=True)
            assert reply.language == language, command
            assert not any(word in reply.outcome.why for word in ("background", "an error")), command
            if reply.outcome.kind != "safety" and reply.outcome.why != "the end of the walk":
                assert reply.buttons, f"{command!r} is a dead end"
            todo += [button.command for button in reply.buttons]
            reached.add(reply.outcome.topic or "")
    assert reached >= guidance.topics.keys()


async def test_another_phrase_goes_round(reply_to: Any, guidance: Guidance) -> None:
    says = guidance.topics["calm"].texts[Language.EN].say
    command, heard = "calm", []
    for _ in says:
        reply = await reply_to(command, Language.EN, pressed=True)
        heard += [block.text for block in reply.blocks if isinstance(block, Phrase)]
        command = reply.buttons[0].command
    assert heard == [saying.text for saying in says]
    assert command == "card calm 0"


async def test_a_chosen_language_beats_all_others(reply_to: Any) -> None:
    assert (await reply_to("language deutsch")).language is Language.DE
    assert (await reply_to("пауза", Language.EN)).language is Language.DE
    assert (await reply_to("calm", Language.KA, pressed=True)).language is Language.DE


async def test_a_dead_database_costs_nothing_but_the_preference(
    guidance: Guidance, strings: Strings, recogniser: Recogniser, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "what the agent typed"

    class Dead(MemoryPreferences):
        async def language(self, workspace: str, person: str) -> Language | None:
            raise OSError(secret)

        async def set_language(self, workspace: str, person: str, language: Language) -> None:
            raise OSError(secret)

    coach = Coach(guidance, strings, Dead(), lambda: recogniser)
    with caplog.at_level(logging.ERROR):
        reply = await coach.reply(Message("пауза", "w", "p"))
        failed = await coach.reply(Message("language de", "w", "p", Language.RU))
    assert reply.outcome.topic == "pause"
    assert failed.language is Language.RU
    incident = failed.outcome.why.split()[-1]
    assert incident in plain_text(failed)
    assert incident in caplog.text
    assert secret not in caplog.text


@pytest.mark.parametrize("language", ALL)
async def test_help_lists_every_command_and_explains_each(ask: Any, strings: Strings, language: Language) -> None:
    text = await ask("help", language)
    for name, command in COMMANDS.items():
        if command.listed:
            assert (strings(f"commands.{name}.usage", language) in text) == (command.role == "agent")
            assert strings(f"commands.{name}.summary", language) in await ask(f"help {name}", language)


def test_no_alias_is_a_command_word(guidance: Guidance, strings: Strings) -> None:
    """A topic named like a command would never be found; `calm` is both, and means the same."""
    words = Parser(strings).words - {"calm", *(fold(w) for ws in strings.words["calm"].values() for w in ws)}
    assert not words & guidance.names.keys()


async def test_each_card_cites_its_guide(reply_to: Any, guidance: Guidance) -> None:
    for topic in guidance.topics.values():
        for language in ALL:
            text = plain_text(await reply_to(topic.id, language))
            assert guidance.guide_of(topic.sources[0]).title[language] in text
            assert all(point in text for point in topic.sources)


def test_the_welcome_says_who_brought_it(coach: Coach) -> None:
    assert "Nino" in plain_text(coach.welcome(Language.EN, "Nino"))
    assert isinstance(coach.welcome(None).blocks[0], Title)


async def test_a_reply_survives_json(reply_to: Any, guidance: Guidance) -> None:
    adapter = TypeAdapter(Reply)
    for command in ("topics", "help", "calm", "more calm", "archetype"):
        reply = await reply_to(command)
        assert adapter.validate_json(adapter.dump_json(reply)) == reply


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_bare_is_stable_and_short(text: str) -> None:
    once = bare(text)
    assert once == once.strip()
    assert not once.startswith("/")


@given(text=st.text(max_size=200), language=st.sampled_from([None, *ALL]), pressed=st.booleans())
@settings(max_examples=200)
async def test_anything_typed_gets_a_whole_reply(
    guidance: Guidance, strings: Strings, recogniser: Recogniser, text: str, language: Language | None, pressed: bool
) -> None:
    coach = Coach(guidance, strings, MemoryPreferences(), lambda: recogniser)
    reply = await coach.reply(Message(text, "w", "p", language, pressed))
    assert reply.blocks
    assert reply.summary
    assert "an error" not in reply.outcome.why


async def test_everybody_who_waits_for_the_recogniser_is_answered(
    guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> None:
    coach = Coach(guidance, strings, MemoryPreferences(), lambda: recogniser)
    message = Message("she keeps shouting at me", "test:w", "test:p")
    replies = await asyncio.gather(*(coach.reply(message) for _ in range(5)))
    assert [reply.outcome.topic for reply in replies] == ["calm"] * 5
