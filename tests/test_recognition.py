"""Plain words: normalising, the decision, and the laws that hold for any text."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import ContentError, SteadyError
from chatbot.guidance import Guidance
from chatbot.model import Language, Note
from chatbot.recognition.answer import customers_words
from chatbot.recognition.features import COLUMNS, columns, spelled
from chatbot.recognition.model import BACKGROUND, SAFETY, load_model
from chatbot.recognition.normalise import latin, plain
from chatbot.recognition.recogniser import MODEL_FILE, Recogniser
from chatbot.recognition.training import corpus_hash, names, read_corpus


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("клиент орёт", "klient orjot"),
        ("клиент орёт", "Klient ORYOT!!!"),
        ("что делать", "4to delat'"),
        ("მაკლებს ნერვებს", "maklebs nervebs"),
        ("ის მაყვირის", "is maqviris"),
        ("she’s sooooo rude", "shes so rude"),
        ("Ärger über Ärger", "aerger ueber aerger"),
        ("sh1t", "shit"),
        ("  «Он   грубит»  ", "он грубит"),
        ("ᲙᲚᲘᲔᲜᲢᲘ", "კლიენტი"),
    ],
)
def test_spellings_fall_together(one: str, other: str) -> None:
    assert latin(plain(one)) == latin(plain(other))


def test_emoji_are_kept_as_words() -> None:
    assert plain("again😡😡") == "again 😡 😡"


def test_columns_and_their_names_agree() -> None:
    for text in ("she keeps shouting", "a", "ок", "😡 no", ""):
        assert {column for _, column in spelled(text)} == set(columns(text)[0].tolist())


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("she keeps shouting at me", {"calm", "vent", "archetype/fierce", "step/listen"}),
        ("клиент орёт и матерится", {"firm", "calm", "dont-strike-back", "archetype/fierce"}),
        ("der weiß alles besser und belehrt mich", {"archetype/know-it-all"}),
        ("კლიენტი სულ წუწუნებს", {"archetype/whiner"}),
        ("I need to breathe for a minute", {"pause"}),
        ("wie entschuldige ich mich richtig", {"apologise", "step/apologise"}),
        ("maklebs nervebs es klienti", {"calm", "pause", "dont-strike-back", "archetype/whiner"}),
        ("klient oryot", {"calm", "vent", "archetype/fierce", "firm"}),
    ],
)
def test_what_agents_type(recogniser: Recogniser, text: str, topics: set[str]) -> None:
    answer = recogniser.recognise(text)
    assert answer.kind in ("topic", "choice"), answer
    assert topics & {answer.topic, *answer.choices}, answer


@pytest.mark.parametrize(
    "text",
    ["what's for lunch", "кто завтра в смене?", "wo finde ich die Urlaubsliste", "დღეს რა ამინდია", "asdf jkl", "👍"],
)
def test_what_is_no_business_of_ours_gets_the_menu(recogniser: Recogniser, text: str) -> None:
    assert recogniser.recognise(text).kind == "menu"


def test_a_slip_of_the_finger_is_asked_back(recogniser: Recogniser) -> None:
    for typed in ("whinner", "whner", "wihner", "Nörgle", "нытк"):
        answer = recogniser.recognise(typed)
        assert answer.kind in ("choice", "topic"), typed
        assert "archetype/whiner" in (answer.topic, *answer.choices), typed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("“I have been waiting for three weeks now”", "I have been waiting for three weeks now"),
        ("> Ich warte seit drei Wochen", "Ich warte seit drei Wochen"),
        ("клиент пишет: верните мне деньги немедленно", "верните мне деньги немедленно"),
        ("Customer: where is my parcel you liars", "where is my parcel you liars"),
        ("she keeps shouting at me", None),
    ],
)
def test_a_pasted_message_is_known_as_the_customers(text: str, words: str | None) -> None:
    assert customers_words(text) == words


async def test_the_card_says_which_words_led_to_it(reply_to: Any) -> None:
    reply = await reply_to("she keeps shouting at me", Language.EN)
    assert reply.outcome.kind == "topic"
    assert any(isinstance(block, Note) and "shouting" in block.text for block in reply.blocks)
    pasted = await reply_to("> I want my money back right now or I will sue you", Language.EN)
    assert pasted.outcome.topic == "archetype/claimant"
    assert any(isinstance(block, Note) and "customer’s own words" in block.text for block in pasted.blocks)


async def test_a_choice_is_buttons_that_lead_to_the_cards(reply_to: Any, recogniser: Recogniser) -> None:
    corpus = [line.text for line in read_corpus(BUILT_IN_RESPONSES, recogniser.model.classes) if line.topic != SAFETY]
    tied = next(text for text in corpus if recogniser.recognise(f"{text} again").kind == "choice")
    reply = await reply_to(f"{tied} again")
    assert reply.outcome.kind == "choice"
    assert 1 <= len(reply.outcome.choices) <= 3
    for button, topic in zip(reply.buttons, reply.outcome.choices, strict=False):
        assert (await reply_to(button.command, pressed=True)).outcome.topic == topic


@given(st.text(max_size=10_000))
@settings(max_examples=150, deadline=None)
def test_any_text_gets_an_answer(recogniser: Recogniser, text: str) -> None:
    answer = recogniser.recognise(text)
    assert (answer.topic is not None) == (answer.kind == "topic")
    assert len(answer.choices) <= 3
    assert (answer.kind != "choice") or answer.choices


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd", "Zs", "Po"]), max_size=80))
@settings(max_examples=150, deadline=None)
def test_quotes_and_outer_spaces_change_nothing(text: str) -> None:
    assert plain(f"  {text}  ") == plain(text)
    assert plain(f"“{text}”") == plain(text)


@pytest.mark.parametrize("text", ["She keeps SHOUTING at me", "Клиент ОРЁТ и матерится", "Der Kunde BRÜLLT mich an"])
def test_case_changes_nothing(recogniser: Recogniser, text: str) -> None:
    assert recogniser.recognise(text) == recogniser.recognise(text.lower()) == recogniser.recognise(text.upper())


def test_the_same_in_another_process(recogniser: Recogniser) -> None:
    texts = ["she keeps shouting at me", "клиент орёт", "was soll ich tun", "ra vqna", "x" * 5000]
    code = (
        "import json,sys; from chatbot.content import *; from chatbot.recognition.recogniser import load_recogniser\n"
        "r = load_recogniser(BUILT_IN_RESPONSES, load_guidance(BUILT_IN_RESPONSES).owners)\n"
        "print(json.dumps([repr(r.recognise(t)) for t in json.load(sys.stdin)]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(texts), capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[1], env={"PYTHONHASHSEED": "7", "PATH": ""},
    )  # fmt: skip
    assert json.loads(ran.stdout) == [repr(recogniser.recognise(text)) for text in texts]


def test_the_model_is_made_from_this_corpus(guidance: Guidance) -> None:
    """Phrases, names or first lines changed? Then `make model`, and commit both files."""
    lines = [*read_corpus(BUILT_IN_RESPONSES, guidance.topics), *names(guidance)]
    with np.load(MODEL_FILE) as arrays:
        assert arrays["corpus"].item() == corpus_hash(lines)


def test_the_corpus_is_large_enough(guidance: Guidance) -> None:
    lines = read_corpus(BUILT_IN_RESPONSES, guidance.topics)
    for language in Language:
        counts = {
            topic: sum(1 for x in lines if x.language is language and x.topic == topic) for topic in guidance.topics
        }
        assert min(counts.values()) >= 30, (language, min(counts, key=lambda t: counts[t]))
        assert sum(1 for x in lines if x.language is language and x.topic == BACKGROUND) >= 150
        assert sum(1 for x in lines if x.language is language and x.topic == SAFETY) >= 60


def test_the_development_set_is_not_trained_on(guidance: Guidance) -> None:
    trained = {plain(line.text) for line in read_corpus(BUILT_IN_RESPONSES, guidance.topics)}
    held_out = [
        json.loads(line)["text"]
        for path in (Path(__file__).parent / "corpus").glob("dev.*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(held_out) >= 300
    same = [text for text in held_out if plain(text) in trained]
    # Two-word messages are the same whoever writes them; more than a handful would mean that the sets were mixed.
    assert len(same) <= 0.02 * len(held_out), same
    assert not [text for text in same if len(text.split()) > 6]


def test_a_model_that_is_not_the_one_described_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SteadyError, match="make model"):
        load_model(tmp_path / "model.npz")
    (tmp_path / "model.npz").write_bytes(MODEL_FILE.read_bytes() + b"x")
    (tmp_path / "model.sha256").write_text(hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest() + "  model.npz\n")
    with pytest.raises(SteadyError, match="is not the model"):
        load_model(tmp_path / "model.npz")


@pytest.mark.parametrize(
    ("line", "says"),
    [("nonsense", "must be"), ('{"text": "a"}', "must be"), ('{"text": "a", "topic": "dance"}', "there is no topic")],
)
def test_a_wrong_line_of_the_corpus_is_named(tmp_path: Path, guidance: Guidance, line: str, says: str) -> None:
    (tmp_path / "phrases").mkdir()
    for language in Language:
        (tmp_path / f"phrases/{language}.jsonl").write_text(
            '{"text": "x y", "topic": "calm"}\n' * (language == "de") + line
        )
    with pytest.raises(ContentError, match=r"phrases/de\.jsonl: line 2: " + says):
        read_corpus(tmp_path, guidance.topics)


def test_model_columns() -> None:
    assert columns("x y z")[0].max() < COLUMNS
