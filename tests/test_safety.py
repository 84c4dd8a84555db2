"""Which messages call for an escalation card, in four languages and two scripts, and which only sound as if."""

import json
import tomllib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import ContentError
from chatbot.recognition.safety import ORDER, Pattern, SafetyPatterns, load_patterns

LANGUAGES = ("en", "de", "ru", "ka")


@cache
def patterns() -> SafetyPatterns:
    return load_patterns(BUILT_IN_RESPONSES)


def escalation_for(text: str) -> str | None:
    """Return the id of the escalation card that a message calls for, or None."""
    return next((found.escalation for found in patterns().matches(text)), None)


def lines(language: str) -> list[tuple[str, str | None]]:
    path = Path(__file__).parent / "safety" / f"{language}.jsonl"
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(line["text"], line["escalation"]) for line in read]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_line_brings_the_card_it_calls_for_or_none(language: str) -> None:
    wrong = [(text, card, got) for text, card in lines(language) if (got := escalation_for(text)) != card]
    assert not wrong


def test_every_card_exists_and_has_an_order() -> None:
    cards = tomllib.loads((BUILT_IN_RESPONSES / "safety.toml").read_text(encoding="utf-8"))
    assert {pattern.escalation for pattern in patterns().patterns} == set(cards) == set(ORDER)


def _witnesses(pattern: Pattern) -> list[str]:
    """Return sentences that a pattern is meant for: each word of each place once, as its author wrote it."""
    words = tomllib.loads((BUILT_IN_RESPONSES / "safety-patterns.toml").read_text(encoding="utf-8"))
    named = words[pattern.language]["words"]

    def choices(piece: str) -> list[str]:
        found = [choices(named[name[1:]]) if name.startswith("$") else [name] for name in piece.split("|")]
        return [name.removesuffix("*").replace("_", " ") for names in found for name in names]

    places = [choices(p) for p in pattern.source.split() if p not in (".", "..", "...", "<>") and not p.endswith("?")]
    return [
        " ".join(option if place == other else places[other][0] for other in range(len(places)))
        for place, options in enumerate(places)
        for option in options
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pattern_can_be_found_by_a_message(language: str) -> None:
    # A pattern with a slip in it, or one that the index of word beginnings hides, would never be noticed otherwise.
    hidden = []
    for number, pattern in enumerate(patterns().patterns):
        if pattern.language != language:
            continue
        found = [text for text in _witnesses(pattern)[:12] if pattern in patterns().matches(text)]
        if not found:
            hidden.append((number, pattern.source))
    assert not hidden


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert escalation_for(text) in (None, *ORDER)


@given(st.sampled_from([line for language in LANGUAGES for line in lines(language)]))
def test_case_quotes_and_outer_spaces_change_nothing(line: tuple[str, str | None]) -> None:
    text, card = line
    assert escalation_for(f'  "{text}"  ') == card
    assert escalation_for(text.upper()) == card


@pytest.mark.parametrize(
    "stem", ["kill ", "he threatens me ", "нож ", "убью тебя ", "თავს ", "ich bring ", "a", "i cant not "]
)
def test_a_long_hostile_text_has_an_answer(stem: str) -> None:
    text = (stem * 10_000)[:10_000]
    assert escalation_for(text) in (None, *ORDER)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"safety-patterns\.toml"):
        load_patterns(tmp_path)
    (tmp_path / "safety-patterns.toml").write_text("[en]\nreach = 2\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"safety-patterns\.toml"):
        load_patterns(tmp_path)
