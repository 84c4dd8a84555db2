"""The living message of the seven steps, the archetype finder, two languages on a card, and the escalation cards."""

from typing import Any

import pytest

from chatbot.coach import Coach
from chatbot.guidance import Guidance
from chatbot.language import split_language
from chatbot.model import Language, Lead, Message, Phrase, Points, Reply, Title, plain_text
from chatbot.recognition.recogniser import Recogniser
from chatbot.store.memory import MemoryPreferences
from chatbot.strings import Strings

ALL = list(Language)


def pressing(reply: Reply, label: str) -> str:
    return next(button.command for button in reply.buttons if button.label == label)


@pytest.mark.parametrize("language", ALL)
async def test_the_walk_goes_to_the_end_and_back(reply_to: Any, strings: Strings, language: Language) -> None:
    reply: Reply = await reply_to("/steady steps", language)
    for number in range(1, 8):
        assert reply.living
        assert reply.outcome.topic is not None
        assert str(number) in reply.blocks[0].text  # type: ignore[union-attr]
        assert sum(isinstance(block, Points) for block in reply.blocks) == 2, "friends and enemies"
        assert any(isinstance(block, Phrase) for block in reply.blocks)
        if number < 7:
            reply = await reply_to(pressing(reply, strings("button.step_next", language)), language, pressed=True)
    end = await reply_to(pressing(reply, strings("button.done", language)), language, pressed=True)
    assert end.blocks[0] == Title(strings("reply.walk_done_title", language))
    assert not end.buttons, "the controls go away at the end"
    for number in range(6, 0, -1):
        reply = await reply_to(pressing(reply, strings("button.step_back", language)), language, pressed=True)
        assert str(number) in reply.blocks[0].text  # type: ignore[union-attr]
    worked = await reply_to(pressing(reply, strings("button.worked", language)), language, pressed=True)
    assert not worked.buttons


@pytest.mark.parametrize("number", range(1, 8))
async def test_letting_go_is_one_tap_away_and_can_be_taken_back(reply_to: Any, strings: Strings, number: int) -> None:
    step = await reply_to(f"walk {number}", Language.EN, pressed=True)
    away = await reply_to(pressing(step, strings("button.let_go", Language.EN)), Language.EN, pressed=True)
    assert away.outcome.topic == "let-go"
    back = await reply_to(pressing(away, strings("button.step_back", Language.EN)), Language.EN, pressed=True)
    assert back == step
    assert not (await reply_to(pressing(away, strings("button.done", Language.EN)), Language.EN, pressed=True)).buttons


@pytest.mark.parametrize("argument", ["8", "0", "-1", "dance 3", "", "3 3"])
async def test_a_forged_step_is_no_step(reply_to: Any, argument: str) -> None:
    assert "of the walk" not in (await reply_to(f"walk {argument}", pressed=True)).outcome.why


@pytest.mark.parametrize("language", ALL)
async def test_the_finder_reaches_each_archetype_and_takes_answers_back(
    reply_to: Any, guidance: Guidance, language: Language
) -> None:
    found: dict[str, str] = {}
    todo = [("who", 0)]
    while todo:
        command, depth = todo.pop(0)
        reply: Reply = await reply_to(command, language, pressed=True)
        if reply.outcome.topic:
            found.setdefault(reply.outcome.topic, command)
            assert depth <= 3
        taken = [block for block in reply.blocks if isinstance(block, Points)]
        assert len(taken[0].items if taken else ()) == depth, "the path is shown"
        undo = [button.command for button in reply.buttons if button.command in [c for c, _ in _prefixes(command)]]
        assert len(undo) == depth, "any answer can be taken back"
        todo += [(b.command, depth + 1) for b in reply.buttons if b.command.startswith(command + " ")]
    assert found.keys() == {topic.id for topic in guidance.of_kind("archetype")}


def _prefixes(command: str) -> list[tuple[str, int]]:
    parts = command.split()
    return [(" ".join(parts[:count]), count) for count in range(1, len(parts))]


@pytest.mark.parametrize("argument", ["9", "1 9", "1 1 1", "x", "1 1 1 1 1 1"])
async def test_a_path_that_does_not_exist_starts_again(reply_to: Any, argument: str) -> None:
    reply = await reply_to(f"who {argument}", pressed=True)
    assert reply.outcome.topic is None


@pytest.mark.parametrize(
    ("text", "mine", "theirs"),
    [
        ("/steady say apologise in ru", Language.EN, Language.RU),
        ("sagen entschuldigung auf georgisch", Language.DE, Language.KA),
        ("фраза извинение на немецком", Language.RU, Language.DE),
        ("фраза извинение по-английски", Language.RU, Language.EN),
        ("ფრაზა ბოდიში რუსულად", Language.KA, Language.RU),
    ],
)
async def test_advice_in_mine_and_the_phrase_in_theirs(
    reply_to: Any, guidance: Guidance, text: str, mine: Language, theirs: Language
) -> None:
    reply: Reply = await reply_to(text, mine)
    phrase = next(block for block in reply.blocks if isinstance(block, Phrase))
    assert (reply.language, phrase.language) == (mine, theirs)
    topic = guidance.topics[reply.outcome.topic or ""]
    assert topic.id == "apologise"
    assert phrase.text in [saying.text for saying in topic.texts[theirs].say]
    again: Reply = await reply_to(reply.buttons[0].command, mine, pressed=True)
    assert next(block for block in again.blocks if isinstance(block, Phrase)).language is theirs


async def test_customer_speaks_stands_on_every_card(reply_to: Any, guidance: Guidance, strings: Strings) -> None:
    for topic in guidance.topics.values():
        card: Reply = await reply_to(topic.id, Language.KA, pressed=True)
        which: Reply = await reply_to(
            pressing(card, strings("button.customer", Language.KA)), Language.KA, pressed=True
        )
        for button in which.buttons[:3]:
            both: Reply = await reply_to(button.command, Language.KA, pressed=True)
            assert both.language is Language.KA
            assert both.outcome.topic == topic.id
            assert next(b for b in both.blocks if isinstance(b, Phrase)).language is not Language.KA


def test_only_a_language_at_the_end_is_split_off() -> None:
    assert split_language("russian customer") == ("russian customer", None)
    assert split_language("in ru") == ("", Language.RU)
    assert split_language("") == ("", None)


@pytest.mark.parametrize("language", ALL)
async def test_escalation_says_what_to_do_and_whom_to_call(
    guidance: Guidance, strings: Strings, recogniser: Recogniser, language: Language
) -> None:
    set_up = Coach(
        guidance, strings, MemoryPreferences(), lambda: recogniser, {"DE": ["Werkschutz 030 1234"], "GE": ["112"]}
    )
    bare = Coach(guidance, strings, MemoryPreferences(), lambda: recogniser)
    for name, escalation in guidance.escalations.items():
        message = Message(f"emergency {name}", "w", "p", language, pressed=True)
        reply = await set_up.reply(message)
        text = plain_text(reply)
        assert reply.outcome.kind == "safety"
        assert isinstance(reply.blocks[1], Lead)
        assert escalation.steps[language][0] in text
        assert "Werkschutz 030 1234" in text
        assert not any(isinstance(block, Phrase) for block in reply.blocks), "no coaching tip beside it"
        assert {button.command for button in reply.buttons} == {"emergency", "topics"}, "only the way out"
        assert strings("reply.safety_no_contacts", language) in plain_text(await bare.reply(message))
