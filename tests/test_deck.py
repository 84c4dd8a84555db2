"""The deck: everything once before anything twice, whatever is added and taken out meanwhile."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.deck import Deck, draw, upcoming
from chatbot.errors import SteadyError

ids = st.text(max_size=6)
decks = st.builds(Deck, st.integers(-(2**80), 2**80))
ALL = frozenset(f"tip-{number}" for number in range(30))


@given(deck=decks, collections=st.lists(st.frozensets(ids, max_size=6), max_size=30))
@settings(max_examples=500)
def test_no_repeat_within_a_round_however_the_collection_changes(deck: Deck, collections: list[frozenset[str]]) -> None:
    seen: set[str] = set()
    last: str | None = None
    for tips in collections:
        before = deck
        tip, deck = draw(deck, tips)
        if tip is None:
            assert not tips
            assert deck == before
            continue
        assert tip in tips
        assert deck.round - before.round in (0, 1)
        if deck.round > before.round:
            # A round ends only when everything there is was shown or came too late for its place.
            assert len(tips) == 1 or tip != last
            seen = set()
        assert tip not in seen
        seen.add(tip)
        last = tip


@given(deck=decks, tips=st.frozensets(ids, min_size=1, max_size=20), rounds=st.integers(1, 5))
@settings(max_examples=200)
def test_a_collection_that_stays_is_shown_once_a_round(deck: Deck, tips: frozenset[str], rounds: int) -> None:
    dealt = upcoming(deck, tips, len(tips) * rounds)
    for start in range(0, len(dealt), len(tips)):
        assert frozenset(dealt[start : start + len(tips)]) == tips
    if len(tips) > 1:
        assert all(one != two for one, two in pairwise(dealt))


@given(deck=decks, tips=st.frozensets(ids, max_size=10), drawn=st.integers(0, 25))
def test_a_deck_survives_a_restart(deck: Deck, tips: frozenset[str], drawn: int) -> None:
    for _ in range(drawn):
        deck = draw(deck, tips)[1]
    assert Deck.from_json(deck.to_json()) == deck
    tip, after = draw(deck, tips)
    assert upcoming(deck, tips, 1) == ((tip,) if tip is not None else ())
    assert upcoming(deck, tips, 3)[1:] == upcoming(after, tips, 2)


def test_two_seeds_and_two_rounds_give_different_orders() -> None:
    first, second = upcoming(Deck(1), ALL, 30), upcoming(Deck(2), ALL, 30)
    assert first != second
    assert first != upcoming(Deck(1), ALL, 60)[30:]
    assert first == upcoming(Deck(1), sorted(ALL, reverse=True), 30), "the order of the collection plays no part"


def test_what_ends_a_round_does_not_end_all_that_follow() -> None:
    dealt = upcoming(Deck(7), ("a", "b", "c"), 300)
    ends = Counter(dealt[2::3])
    assert len(ends) == 3
    assert max(ends.values()) < 60


def test_what_was_taken_out_is_gone_and_what_was_added_comes() -> None:
    _, deck = draw(Deck(3), ALL)
    rest = ALL - {upcoming(deck, ALL, 1)[0]}
    assert upcoming(deck, rest, 28) == upcoming(deck, ALL, 29)[1:]
    assert "new" in upcoming(deck, ALL | {"new"}, 60)


def test_swapping_is_drawing_once_more() -> None:
    tip, deck = draw(Deck(3), ALL)
    other, deck = draw(deck, ALL)
    assert other != tip
    assert tip not in upcoming(deck, ALL, 28)


def test_an_empty_deck_gives_nothing() -> None:
    assert draw(Deck(1), ()) == (None, Deck(1))
    assert upcoming(Deck(1), (), 5) == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[]", "JSON"),
        ("{", "JSON"),
        ("{}", "'seed'"),
        ('{"seed": 1, "round": "2", "cursor": "", "carried": ""}', "'round'"),
        ('{"seed": 1, "round": true, "cursor": "", "carried": ""}', "'round'"),
        ('{"seed": 1, "round": 2, "cursor": null, "carried": ""}', "'cursor'"),
    ],
)
def test_a_stored_deck_that_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(SteadyError, match=named):
        Deck.from_json(text)
