"""The library: what is in it, and that a broken file stops the start and is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.errors import ContentError
from chatbot.guidance import Guidance, fold
from chatbot.model import Language
from chatbot.strings import load_strings
from chatbot.templates import plural

Break = Callable[[str, str, str], ContentError]


@pytest.fixture
def broken(tmp_path: Path) -> Break:
    """Copy the guidance, replace a text in one file, and return the error that loading it raises."""
    folder = tmp_path / "responses"
    shutil.copytree(BUILT_IN_RESPONSES, folder)

    def replace(file: str, old: str, new: str) -> ContentError:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(ContentError) as caught:
            (load_strings if file == "strings.toml" else load_guidance)(folder)
        return caught.value

    return replace


def test_all_of_it_is_there(guidance: Guidance) -> None:
    assert len(guidance.of_kind("move")) == 33
    assert next(t.id for t in guidance.of_kind("archetype")) == "archetype/fierce"
    assert [t.id.split("/")[1] for t in guidance.of_kind("step")] == [
        "listen", "empathise", "apologise", "decide", "solve", "recover", "diagnose",
    ]  # fmt: skip
    assert len(guidance.points) == 54
    assert len(guidance.pages) == 5


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "what"),
    [
        ("topics/pause.md", "## ka:", "## fr:", "## fr: აიღეთ პაუზა", "must read `## en: Title`"),
        ("topics/pause.md", "## ka:", "## de:", "de", "twice"),
        ("topics/pause.md", "## de: Pause machen", "## de:", "de.title", "is empty"),
        ("topics/pause.md", "### why", "### reason", "en.reason", "is no section of a move"),
        ("topics/pause.md", "### why", "### signs", "en.signs", "is no section of a move"),
        ("topics/pause.md", "- Mute, stand", "Mute, stand", "en.steps", "must be a list"),
        ("topics/pause.md", "- Going silent without saying that you will be back.\n- Venting where the customer can hear or read it.\n", "", "en.avoid", "has 0 entries"),
        ("topics/pause.md", "Take a pause", "Take a pause " * 9, "en.title", "40 at most"),
        ("topics/pause.md", "{{ minutes }} minutes, and", "{{ hours }} minutes, and", "en.title", "'hours' is undefined"),
        ("topics/pause.md", "{{ minutes }} minutes, and", "{{ minutes", "en.title", "not a valid template"),
        ("topics/pause.md", "{{ minutes }} minutes, and", "{{ ''.__class__ }} minutes", "en.title", "does not render"),
        ("topics/pause.md", '"step/listen"]', '"step/dance"]', "next", "there is no topic 'step/dance'"),
        ("topics/pause.md", 'sources = ["A1", "B5"]', 'sources = ["A1"]', "sources", "'B5' is missing"),
        ("topics/pause.md", 'sources = ["A1", "B5"]', 'sources = ["A1", "B5", "Z9"]', "sources.2", "should match"),
        ("topics/pause.md", 'sources = ["A1", "B5"]', 'sources = ["A1", "B5", "B8"]', "sources", "'B8' is no point"),
        ("topics/pause.md", "### avoid\n", "### why\nX.\n\n### avoid\n", "en.why", "stands there twice"),
        ("strings.toml", 'de = ["hilfe"], ', 'de = "hilfe", ', "commands.help.words.de", "must be a list"),
        ("strings.toml", 'de = ["hilfe"], ', 'de = ["hilfe"], fr = ["aide"], ', "commands.help.words.fr", "one of en, de, ru, ka"),
        ("topics/pause.md", 'kind = "move"', 'kind = "dance"', "kind", "input should be"),
        ("topics/pause.md", 'kind = "move"', 'kind = "move"\ncolour = 1', "colour", "not permitted"),
        ("topics/pause.md", 'kind = "move"', "kind =", "front matter", "is not TOML"),
        ("topics/pause.md", "+++\n", "---\n", "front matter", "three plus signs"),
        ("topics/pause.md", "\nka = [", "\nka2 = [", "aliases.ka2.[key]", "input should be"),
        ("topics/pause.md", '"breather"', '"whiner"', "aliases.en", "belongs to"),
        ("menu.toml", '"pause", ', "", "page", "'pause' stands on no page"),
        ("menu.toml", '"pause", ', '"pause", "firm", ', "page.limits", "'firm' stands on page 'yourself' too"),
        ("sources.toml", '["pause"]', '["paws"]', "points.A1", "there is no topic 'paws'"),
        ("finder.toml", 'to = "archetype/silent"', 'to = "archetype/shy"', "quiet", "which is no topic"),
        ("finder.toml", 'to = "archetype/silent"', 'to = "archetype/whiner"', "start", "no path leads to 'archetype/silent'"),
        ("finder.toml", 'to = "quiet"', 'to = "nowhere"', "start", "which is no question"),
        ("finder.toml", 'to = "archetype/silent"', 'to = "start"', "quiet", "3 at most"),
        ("finder.toml", '[talks]', '[chats]', "talks.question", "field required"),
        ("finder.toml", 'en = "What about?", ', "", "talks.question", "lacks en"),
        ("safety.toml", 'de = "Ein Notfall", ', "", "emergency.title", "lacks de"),
        ("safety.toml", "[crisis]\ntitle", "[crisis]\nname", "crisis.title", "field required"),
        ("strings.toml", "ru = \"Другая фраза\", ", "", "button.another", "lacks ru"),
        ("strings.toml", "{{ number }} of 7", "{{ number of 7", "card.step.en", "not a valid template"),
        ("strings.toml", 'de = ["hilfe"], ', "", "commands.help.words", "lacks de"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_name_and_field(
    broken: Break, file: str, old: str, new: str, where: str, what: str
) -> None:
    problems = broken(file, old, new).problems
    assert any(p.file in (file, "topics/firm.md") and p.where == where and what in p.what for p in problems), problems


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN_RESPONSES, tmp_path / "r")
    (tmp_path / "r/topics/pause.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContentError, match=r"topics/pause\.md: file: is not UTF-8"):
        load_guidance(tmp_path / "r")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"sources\.toml"):
        load_guidance(tmp_path)


def test_a_missing_language_fails_at_load(broken: Break) -> None:
    text = (BUILT_IN_RESPONSES / "topics/calm.md").read_text(encoding="utf-8")
    georgian = text[text.index("## ka:") :]
    assert any(p.where == "ka" and "is missing" in p.what for p in broken("topics/calm.md", georgian, "").problems)


def test_settings_replace_the_values_of_templates() -> None:
    guidance = load_guidance(BUILT_IN_RESPONSES, {"minutes": 5})
    assert "5 minutes" in guidance.topics["pause"].texts[Language.EN].lead
    assert "5 минут " in guidance.topics["pause"].texts[Language.RU].lead


@pytest.mark.parametrize(("count", "form"), [(1, "a"), (2, "b"), (5, "c"), (11, "c"), (12, "c"), (21, "a"), (0, "c")])
def test_russian_plural(count: int, form: str) -> None:
    assert plural(count, "a", "b", "c") == form


@pytest.mark.parametrize(
    ("one", "other"),
    [("«Нытик»", "нытик"), ("know-it-all", "Know it  all"), ("don’t", "dont"), ("STRASSE", "straße"), ("Всё", "все")],
)
def test_names_are_compared_loosely(one: str, other: str) -> None:
    assert fold(one) == fold(other)
