"""The linter: every rule finds the file that breaks it, and the built-in guidance breaks none."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.measures import check_sizes
from chatbot import lint
from chatbot.commands import Parser
from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.errors import Problem
from chatbot.guidance import Guidance
from chatbot.model import Language
from chatbot.strings import Strings, load_strings
from chatbot.topic_file import LONGEST

PAUSE = "topics/pause.md"
Changed = Callable[..., Guidance]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Copy the guidance and replace texts in one file."""
    shutil.copytree(BUILT_IN_RESPONSES, tmp_path / "r")

    def change(file: str, *replacements: tuple[str, str]) -> Guidance:
        text = (tmp_path / "r" / file).read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "r" / file).write_text(text, encoding="utf-8")
        return load_guidance(tmp_path / "r")

    return change


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("თქვენიც და კლიენტისაც", "თქვენიც და client", "ka.why", "'client' has letters that are not of this language"),
        ("и у вас, и у клиента", "и у вас, и у клиeнта", "ru.why", "'e' has letters"),
        ("Mute, stand up", "Мute, stand up", "en.steps", "'М' has letters"),
        ("Ärger klingt", "Dein Ärger klingt", "de.why", "'Dein' is familiar"),
        ("Если злость", "Если ты злость", "ru.why", "'ты' is familiar"),
        ("თუ ბრაზს", "თუ შენს ბრაზს", "ka.why", "'შენს' is familiar"),
        ("и у вас, и", "и у Вас, и", "ru.why", "'Вас' needs a small letter"),
        ("I’m checking", "I'm checking", "en.say", "is not a mark of this language"),
        ("Einfach verstummen", "“Einfach” verstummen", "de.avoid", "'”' is not a mark"),
        ("Замолчать, не", "„Замолчать“, не", "ru.avoid", "'„' is not a mark"),
        ("გაჩუმება ისე", "«გაჩუმება» ისე", "ka.avoid", "'«' is not a mark"),
        ("Mute, stand", "*Mute*, stand", "en.steps", "'*' is not a mark"),
        ("Mute, stand", "Mute , stand", "en.steps", "wrong spacing"),
        ("Mute, stand", "Mute - stand", "en.steps", "wrong spacing"),
        ("Mute, stand", "Mute 😀 stand", "en.steps", "emoji"),
    ],
)
def test_style(changed: Changed, old: str, new: str, where: str, what: str) -> None:
    problems = list(lint.check_style(changed(PAUSE, (old, new))))
    assert [(p.file, p.where) for p in problems] == [(PAUSE, where)], problems
    assert what in problems[0].what


@pytest.mark.parametrize(
    ("alias", "what"), [("Pause", "'pause' stands there twice"), ("help", "is a command"), ("Hilfe", "is a command")]
)
def test_aliases(changed: Changed, strings: Strings, alias: str, what: str) -> None:
    guidance = changed(PAUSE, ('"breather"', f'"{alias}"'))
    (problem,) = lint.check_aliases(guidance, Parser(strings).words)
    assert (problem.file, problem.where) == (PAUSE, "aliases.en")
    assert what in problem.what


def test_eight_equal_words_are_found_and_seven_are_not(guidance: Guidance, tmp_path: Path) -> None:
    text = guidance.topics["pause"].texts[Language.EN].steps[0]
    words = re.findall(r"\w+", text)
    assert len(words) >= 8
    (tmp_path / "a.txt").write_text("Once upon, " + ", ".join(words[:8]).upper() + "! The end", encoding="utf-8")
    (problem,) = lint.check_quotations(guidance, tmp_path)
    assert (problem.file, problem.where) == (PAUSE, "en.steps")
    assert "a.txt" in problem.what
    (tmp_path / "a.txt").write_text(" ".join(words[:7]), encoding="utf-8")
    assert not list(lint.check_quotations(guidance, tmp_path))


def test_a_folder_without_guides_is_no_proof(guidance: Guidance, tmp_path: Path) -> None:
    assert "holds no guide" in next(iter(lint.check_quotations(guidance, tmp_path))).what


def test_nothing_is_copied_from_the_guides(guidance: Guidance) -> None:
    guides = Path(__file__).parents[2] / "shared/guides"
    if not guides.is_dir():
        pytest.skip("the source guides are not beside this checkout: steady check --guides FOLDER does it")
    assert not list(lint.check_quotations(guidance, guides))


def test_spelling(guidance: Guidance, tmp_path: Path) -> None:
    def knows(word: str) -> bool:
        return word.casefold() not in ("mute", "ride", "well")

    (tmp_path / "en.txt").write_text("Ride\n")
    problems = list(lint.check_spelling(guidance, {Language.EN: knows}, tmp_path))
    assert any("'Mute' is not in the dictionary" in p.what and p.where == "en.steps" for p in problems)
    assert not any("ride" in p.what.split()[0].casefold() for p in problems)
    assert all(p.where.startswith("en") or ".en" in p.where for p in problems)


def test_strings_in_a_wrong_script_or_tone(tmp_path: Path) -> None:
    shutil.copy(BUILT_IN_RESPONSES / "strings.toml", tmp_path)
    path = tmp_path / "strings.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("Другая фраза", "Drugaya фраза").replace("Anderer Satz", "Dein Satz"), encoding="utf-8"
    )
    problems = list(lint.check_strings(load_strings(tmp_path)))
    assert {p.where for p in problems} == {"button.another.ru", "button.another.de"}


def test_a_card_too_large_for_a_platform_is_named(guidance: Guidance, strings: Strings, changed: Changed) -> None:
    assert not list(check_sizes(guidance, strings))
    long = "ძალიან გრძელი სიტყვა " * 20
    item = long[: LONGEST["signs"]].strip()
    text = (BUILT_IN_RESPONSES / "topics/archetype/whiner.md").read_text(encoding="utf-8")
    georgian = text[text.index("## ka:") :]
    swollen = re.sub(r"^- .*", lambda m: f"- {item}"[: max(len(m[0]), LONGEST["signs"])], georgian, flags=re.MULTILINE)
    swollen = re.sub(r"(### (?:wants|why|let-go)\n).*", lambda m: m[1] + long[: LONGEST["why"]].strip(), swollen)
    problems = list(check_sizes(changed("topics/archetype/whiner.md", (georgian, swollen)), strings))
    assert any("Slack" in p.what and p.file == "topics/archetype/whiner.md" for p in problems), problems


def test_the_built_in_guidance_is_clean(guidance: Guidance, strings: Strings) -> None:
    problems: list[Problem] = [
        *lint.check_style(guidance),
        *lint.check_strings(strings),
        *lint.check_aliases(guidance, Parser(strings).words),
    ]
    assert not problems


def test_the_closing_table_counts(guidance: Guidance) -> None:
    assert lint.coverage(guidance)[0] == "54/54 points, 47/47 topics × 4 languages"
