"""Plain words: normalising, the decision, and the laws that hold for any text."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import ContentError, SteadyError
from chatbot.guidance import Guidance
from chatbot.model import Language, Note
from chatbot.recognition import training
from chatbot.recognition.answer import Recognition, customers_words
from chatbot.recognition.features import COLUMNS, columns, spelled
from chatbot.recognition.model import BACKGROUND, SAFETY, load_model
from chatbot.recognition.normalise import latin, plain
from chatbot.recognition.recogniser import MODEL_FILE, Recogniser
from chatbot.recognition.training import Line, corpus_hash, names, read_corpus

#: Messages whose answers are kept in golden/recognition.json: plain, slangy, in Latin letters, dangerous, harmless and
#: none of our business.
GOLDEN = {
    "en": (
        "he has been yelling at me for ten minutes straight",
        "my hands shake, can I get two minutes off the phones",
        "she finds something to complain about every single day",
        "mr smartypants corrects every word i say",
        "How do I say sorry without admitting it was our fault?",
        "caller just answers yes and no and nothing else",
        "he says he pays our salaries and wants the director",
        "wants a full refund plus damages or he goes to the papers",
        "I took it home with me again, can't sleep",
        "cust typing in ALL CAPS!!! what now???",
        "Customer: where is my parcel, you have been lying to me for three weeks",
        "he said he will come here with a gun tonight",
        "this queue is killing me lol",
        "does anyone know the wifi password",
        "whinner",
    ),
    "de": (
        "der brüllt seit zehn Minuten nur rum",
        "Ich brauch kurz ne Auszeit, mir zittern die Hände",
        "sie nörgelt an jeder Kleinigkeit rum",
        "er erklärt mir meinen eigenen Job",
        "wie sag ich Entschuldigung ohne kriecherisch zu klingen",
        "er antwortet nur mit ja und nein",
        "will sofort den Chef sprechen, er sei schließlich Großkunde",
        "fordert das komplette Geld zurück, sonst geht er zum Anwalt",
        "das Gespräch von gestern geht mir nicht aus dem Kopf",
        "kunde haengt staendig dieselbe frage dran, ich komm nicht weiter",
        "Kunde schreibt: ihr seid doch alle unfähig, wo bleibt mein Paket",
        "er will sich heute nacht umbringen hat er gesagt",
        "ich lach mich tot über den",
        "wann macht die Kantine zu",
        "Nörgle",
    ),
    "ru": (
        "он уже десять минут на меня кричит",
        "мне нужна пауза, руки трясутся",
        "опять ноет из-за каждой мелочи",
        "учит меня моей же работе, умник",
        "как извиниться чтобы не звучало фальшиво",
        "клиент молчит и отвечает односложно",
        "говорит что он вип и требует директора",
        "требует вернуть деньги и компенсацию, грозит судом",
        "не могу забыть вчерашний разговор",
        "klient oret i materitsya chto delat",
        "kak uspokoitsya posle takogo zvonka",
        "он пишет что придёт с ножом и всех порежет",
        "умираю со смеху с этого клиента",
        "кто завтра в смене",
        "нытк",
    ),
    "ka": (
        "უკვე ათი წუთია მიყვირის",
        "ერთი წუთი მჭირდება, ხელები მიკანკალებს",
        "ყველაფერზე წუწუნებს",
        "ჩემს საქმეს მე მასწავლის",
        "როგორ მოვუხადო ბოდიში გულწრფელად",
        "კლიენტი დუმს და მხოლოდ კი-არას პასუხობს",
        "ამბობს რომ მთავარი კლიენტია და დირექტორს ითხოვს",
        "თანხის დაბრუნებას ითხოვს თორემ სასამართლოში მიჩივლებს",
        "გუშინდელი საუბარი თავიდან არ ამომდის",
        "klienti mikviris ra vqna",
        "dzalian davigale pauza minda",
        "მომწერა რომ თავს მოიკლავს",
        "სიცილით მოვკვდი",
        "დღეს რა ამინდია თბილისში",
        "წუწუნ",
    ),
}


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
    assert answer.kind == "topic", answer
    assert answer.topic in topics, answer


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
        ("“Customer: “where is my parcel you liars””", "where is my parcel you liars"),
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


def check_answer(answer: Recognition) -> None:
    assert (answer.topic is not None) == (answer.kind == "topic")
    assert len(answer.choices) <= 3
    assert (answer.kind != "choice") or answer.choices


@given(st.text(max_size=10_000))
@settings(max_examples=150)
def test_any_text_gets_an_answer(recogniser: Recogniser, text: str) -> None:
    check_answer(recogniser.recognise(text))


# What is drawn above is seldom longer than a message. Pieces that are said again and again are what makes regular
# expressions run wild: one word of ten thousand letters, nothing but commas, a name and a hundred spaces.
@given(st.lists(st.tuples(st.text(min_size=1, max_size=12), st.integers(1, 5_000)), min_size=1, max_size=4))
@example([("ab", 5_000)])
@example([("a1", 5_000)])
@example([("4", 10_000)])
@example([("a, ", 3_333)])
@example([("კ", 1), ("აბ", 4_999)])
@example([("\ufdfa", 10_000)])
@example([("e\u0301\u0323", 3_333)])
@example([("“", 5_000), ("”", 5_000)])
@example([("calm", 1), (" ", 9_000), ("calm", 1)])
@settings(max_examples=60)
def test_long_texts_get_an_answer(recogniser: Recogniser, pieces: list[tuple[str, int]]) -> None:
    check_answer(recogniser.recognise("".join(piece * count for piece, count in pieces)[:10_000]))


LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßабвгдеёжзийклмнопрстуфхцчшщъыьэюяაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"
WORDS = st.lists(st.text(LETTERS + LETTERS.upper() + "0123456789-’", min_size=1, max_size=9), max_size=30)


@given(st.one_of(WORDS.map(" ".join), st.sampled_from(sorted({line for lines in GOLDEN.values() for line in lines}))))
@settings(max_examples=200)
def test_case_quotes_and_outer_spaces_change_nothing(recogniser: Recogniser, text: str) -> None:
    answer = recogniser.recognise(text)
    for same in (
        text.upper(),
        text.lower(),
        f"  {text}\n",
        f"“{text}”",
        f"„{text}“",
        f'"{text}"',
        f" «{text.upper()}» ",
    ):
        assert recogniser.recognise(same) == answer, same


def test_quotes_and_outer_spaces_change_nothing_at_any_length(recogniser: Recogniser) -> None:
    for text in ("calm", "she keeps shouting at me", "клиент орёт и матерится"):
        answer = recogniser.recognise(text)
        assert recogniser.recognise(f"{' ' * 2_000}{text}{' ' * 2_000}") == answer


def test_the_golden_messages_are_answered_as_ever(recogniser: Recogniser, golden: Callable[[str, Any], None]) -> None:
    """The same on every Python and every machine. A new model changes it: `make golden`, and read what changed."""
    found = {}
    for text in (line for lines in GOLDEN.values() for line in lines):
        answer = recogniser.recognise(text)
        total = recogniser.scores(text).total
        best = [*np.argsort(-total, kind="stable")[:3], recogniser.model.classes.index(BACKGROUND)]
        found[text] = {
            "kind": answer.kind,
            "topic": answer.topic,
            "escalation": answer.escalation,
            "choices": list(answer.choices),
            "language": answer.language,
            "scores": {recogniser.model.classes[label]: round(float(total[label]), 3) for label in best},
        }
    golden("recognition", found)


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


def test_more_phrases_than_the_index_can_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [Line(f"phrase number {n}", ("calm", "pause")[n % 2], Language.EN, n) for n in range(4)]
    monkeypatch.setattr(training, "MOST_PHRASES", 3)
    with pytest.raises(SteadyError, match="3 phrases at most, and here are 4"):
        training.train(lines)


def test_the_corpus_is_large_enough(guidance: Guidance) -> None:
    lines = read_corpus(BUILT_IN_RESPONSES, guidance.topics)
    for language in Language:
        counts = {
            topic: sum(1 for x in lines if x.language is language and x.topic == topic) for topic in guidance.topics
        }
        assert min(counts.values()) >= 30, (language, min(counts, key=lambda t: counts[t]))
        assert sum(1 for x in lines if x.language is language and x.topic == BACKGROUND) >= 150
        assert sum(1 for x in lines if x.language is language and x.topic == SAFETY) >= 60


@pytest.mark.parametrize("name", ["dev", "blind"])
def test_what_is_measured_on_is_not_trained_on(guidance: Guidance, name: str) -> None:
    trained = {plain(line.text) for line in read_corpus(BUILT_IN_RESPONSES, guidance.topics)}
    held_out = [
        json.loads(line)["text"]
        for path in (Path(__file__).parent / "corpus").glob(f"{name}.*.jsonl")
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
