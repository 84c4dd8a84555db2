"""What leads add counts at once, gets better by fitting, and is gone without a trace when it is taken back."""

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.recognition.additions import AddedPhrase, Column
from chatbot.recognition.model import BACKGROUND, SAFETY
from chatbot.recognition.normalise import plain
from chatbot.recognition.recogniser import Recogniser

EN, DE, RU, KA = Language

TOPIC = "locked-account"
PHRASES = [
    AddedPhrase(text, TOPIC, language)
    for language, texts in {
        EN: (
            "her account got locked after three wrong passwords",
            "customer is locked out of the portal and blames me",
            "he can't log in and his account is blocked",
            "the portal locked her out again",
            "what do i say when the account is locked",
            "login blocked after too many attempts",
        ),
        DE: (
            "ihr konto ist nach drei falschen passwörtern gesperrt",
            "kunde kommt nicht ins portal, konto gesperrt",
            "er kann sich nicht einloggen und gibt mir die schuld",
            "das portal hat sie schon wieder ausgesperrt",
            "was sage ich wenn das konto gesperrt ist",
            "zugang gesperrt nach zu vielen versuchen",
        ),
        RU: (
            "аккаунт заблокировался после трёх неверных паролей",
            "клиент не может зайти в кабинет и винит меня",
            "у него не получается войти, учётка заблокирована",
            "личный кабинет снова её не пускает",
            "что сказать если аккаунт заблокирован",
            "вход заблокирован, слишком много попыток",
        ),
        KA: (
            "ანგარიში დაებლოკა სამი არასწორი პაროლის მერე",
            "კლიენტი პორტალზე ვერ შედის და მე მაბრალებს",
            "ვერ შედის სისტემაში, ანგარიში დაბლოკილია",
            "პორტალმა ისევ არ შეუშვა",
            "რა ვუთხრა თუ ანგარიში დაბლოკილია",
            "შესვლა დაბლოკილია, ბევრი მცდელობა იყო",
        ),
    }.items()
    for text in texts
]
#: Said by other agents about the same thing.
HELD_OUT = (
    "account locked again, third time this week she cannot log in",
    "portal keeps blocking his login what now",
    "konto schon wieder gesperrt, kunde kommt nicht rein",
    "kundin kann sich im portal nicht anmelden, passwort falsch",
    "клиента не пускает в аккаунт, пароль заблокирован",
    "не может войти в личный кабинет, всё заблокировано",
    "klientis angarishi dablokilia da ver shedis",
    "პაროლი არასწორია და ანგარიში დაბლოკა",
)


@cache
def development() -> tuple[str, ...]:
    folder = Path(__file__).parent / "corpus"
    lines = [line for path in sorted(folder.glob("dev.*")) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(json.loads(line)["text"] for line in lines)


@pytest.fixture(scope="module")
def extended(recogniser: Recogniser) -> Recogniser:
    return recogniser.with_phrases(PHRASES, {"lockout": TOPIC})


@pytest.fixture(scope="module")
def column(extended: Recogniser) -> Column:
    return extended.refit(TOPIC)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.text)
def test_an_added_phrase_gives_its_topic_at_once(extended: Recogniser, phrase: AddedPhrase) -> None:
    for text in (phrase.text, phrase.text.upper(), f"  “{phrase.text}!” "):
        answer = extended.recognise(text)
        assert (answer.kind, answer.topic, answer.language) == ("topic", TOPIC, phrase.language)


def test_names_count_too_and_a_slip_in_one_is_asked_back(recogniser: Recogniser, extended: Recogniser) -> None:
    assert recogniser.recognise("lockout").topic != TOPIC
    assert extended.recognise("/Lockout").topic == TOPIC
    assert TOPIC in extended.recognise("lokcout").choices
    assert extended.recognise("whiner").topic == "archetype/whiner"
    only_named = recogniser.with_phrases([], {"lockout": TOPIC, "calm": TOPIC})
    assert only_named.recognise("LOCKOUT").topic == only_named.recognise("calm").topic == TOPIC


def test_what_is_said_in_nearly_the_same_words_ranks_the_topic(extended: Recogniser) -> None:
    for text in (
        "her account got locked after three wrong passwords today",
        "das konto ist nach falschen passwörtern gesperrt",
        "аккаунт заблокировался после неверных паролей",
        "portalma isev ar sheushva",
    ):
        answer = extended.recognise(text)
        assert TOPIC in (answer.topic, *answer.choices), text


def test_danger_comes_first(recogniser: Recogniser) -> None:
    text = "he said he will kill himself"
    extended = recogniser.with_phrases([AddedPhrase(text, "calm", EN)], {"he wants to kill me": "calm"})
    assert extended.recognise(text) == recogniser.recognise(text)
    assert extended.recognise(text).kind == extended.recognise("He wants to kill me!").kind == "safety"


@given(data=st.data())
@settings(max_examples=60)
def test_any_phrase_wins_when_it_is_typed_exactly(recogniser: Recogniser, data: st.DataObject) -> None:
    text = data.draw(st.one_of(st.text(max_size=300), st.sampled_from(development())))
    assume(plain(text) and not recogniser.danger(text))
    topic = data.draw(st.sampled_from(["something-new", "calm", "archetype/whiner"]))
    extended = recogniser.with_phrases([AddedPhrase(text, topic, RU)], {})
    for typed in (text, f"  {text}\n", f"“{text}”"):
        assert (extended.recognise(typed).kind, extended.recognise(typed).topic) == ("topic", topic)


def test_a_phrase_without_a_word_changes_nothing(recogniser: Recogniser) -> None:
    extended = recogniser.with_phrases([AddedPhrase("?!", TOPIC, EN), AddedPhrase("", TOPIC, EN)], {"…": TOPIC})
    assert extended.recognise("?!") == recogniser.recognise("?!")
    assert extended.recognise("she keeps shouting at me") == recogniser.recognise("she keeps shouting at me")
    with pytest.raises(SteadyError, match="Add a phrase first"):
        extended.refit(TOPIC)


@pytest.mark.parametrize("topic", [BACKGROUND, SAFETY, ""])
def test_what_is_no_topic_gets_no_phrases(recogniser: Recogniser, topic: str) -> None:
    with pytest.raises(SteadyError, match="not a topic"):
        recogniser.with_phrases([AddedPhrase("anything at all", topic, EN)], {})


def test_taking_it_back_leaves_no_trace(recogniser: Recogniser, extended: Recogniser, column: Column) -> None:
    before = [recogniser.recognise(text) for text in development()]
    own = AddedPhrase(development()[0], "calm", EN)
    fitted = recogniser.with_phrases([*PHRASES, own], {"lockout": TOPIC}, [column])
    assert [fitted.recognise(text) for text in development()] != before
    assert [recogniser.recognise(text) for text in development()] == before
    taken_back = fitted.with_phrases([], {})
    assert [taken_back.recognise(text) for text in development()] == before
    # Only the last phrase, with what was fitted to the others left in place.
    left = fitted.with_phrases(PHRASES, {"lockout": TOPIC}, [column])
    same = recogniser.with_phrases(PHRASES, {"lockout": TOPIC}, [column])
    assert [left.recognise(text) for text in development()] == [same.recognise(text) for text in development()]


def test_the_built_in_arrays_are_shared(recogniser: Recogniser, extended: Recogniser) -> None:
    shared = [array for array in vars(recogniser.model).values() if isinstance(array, np.ndarray) and array.size > 1e6]
    assert shared
    for array in shared:
        assert any(array is other for other in vars(extended.model).values())


def _lead(recogniser: Recogniser, topic: str, text: str) -> float:
    """Return how far a topic lies above the background."""
    total = recogniser.scores(text).total
    return float(total[recogniser.model.classes.index(topic)] - total[recogniser.model.classes.index(BACKGROUND)])


def _firsts(recogniser: Recogniser, texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        total = recogniser.scores(text).total
        order = sorted(range(total.size), key=lambda label: -total[label])
        yield next(
            recogniser.model.classes[n] for n in order if recogniser.model.classes[n] not in (BACKGROUND, SAFETY)
        )


async def test_fitting_finds_what_others_say_about_it(recogniser: Recogniser, extended: Recogniser) -> None:
    column = await asyncio.to_thread(extended.refit, TOPIC)
    fitted = recogniser.with_phrases(PHRASES, {}, [column])
    before, after = list(_firsts(extended, HELD_OUT)), list(_firsts(fitted, HELD_OUT))
    assert after.count(TOPIC) >= max(before.count(TOPIC), len(HELD_OUT) - 1), after
    assert np.mean([_lead(fitted, TOPIC, t) for t in HELD_OUT]) > np.mean([_lead(extended, TOPIC, t) for t in HELD_OUT])
    # What has nothing to do with it is answered as before.
    same = sum(fitted.recognise(text) == recogniser.recognise(text) for text in development())
    assert same >= 0.9 * len(development())
    wrong = sum(fitted.recognise(text).topic == TOPIC for text in development())
    assert wrong <= 0.01 * len(development())


def test_fitting_gives_the_same_twice_whatever_the_order(extended: Recogniser, column: Column) -> None:
    again = extended.refit(TOPIC)
    assert np.array_equal(again.weights, column.weights)
    assert (again.scale, again.bias) == (column.scale, column.bias)
    other = extended.with_phrases([*reversed(PHRASES), PHRASES[3]], {}).refit(TOPIC)
    assert np.array_equal(other.weights, column.weights)


def test_a_built_in_topic_moves_towards_what_is_added_and_the_others_stay(recogniser: Recogniser) -> None:
    phrases = [AddedPhrase(phrase.text, "step/solve", phrase.language) for phrase in PHRASES]
    added = recogniser.with_phrases(phrases, {})
    fitted = recogniser.with_phrases(phrases, {}, [added.refit("step/solve")])
    label = recogniser.model.classes.index("step/solve")
    closer = 0
    for text in HELD_OUT:
        before, after = added.scores(text).total, fitted.scores(text).total
        closer += bool(after[label] > before[label])
        assert np.array_equal(np.delete(before, label), np.delete(after, label))
    assert closer >= len(HELD_OUT) - 1
    changed = sum(fitted.recognise(text).topic != recogniser.recognise(text).topic for text in development())
    assert changed <= 0.02 * len(development())


def test_the_developer_sees_what_was_added(recogniser: Recogniser, extended: Recogniser, column: Column) -> None:
    shown = "\n".join(extended.explain(f"{PHRASES[0].text} today", {}))
    assert "(added by a lead)" in shown
    assert TOPIC in shown
    fitted = recogniser.with_phrases(PHRASES, {}, [column])
    assert "locked" in fitted.because("she is locked out, account locked", TOPIC)
    assert any("n-grams" in line for line in fitted.explain(HELD_OUT[0], {}))
