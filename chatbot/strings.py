"""Every sentence that is not guidance, in every language, from responses/strings.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import ContentError, Problem, SteadyError
from chatbot.model import Language
from chatbot.templates import Template

_FILE = "strings.toml"
_LANGUAGES = frozenset(str(language) for language in Language)


@dataclass(frozen=True)
class Strings:
    """Sentences by key and language, and the words that each command goes by."""

    _templates: Mapping[str, Mapping[Language, Template]]
    words: Mapping[str, Mapping[Language, tuple[str, ...]]]

    def __call__(self, key: str, language: Language, **values: Any) -> str:
        """Return the sentence `key` ("reply.help_title") in `language`, with `values` put in."""
        return self._templates[key][language].render(values)

    def source(self, key: str, language: Language) -> str:
        """Return the sentence as it is written, names in braces and all."""
        return self._templates[key][language].source

    @property
    def keys(self) -> frozenset[str]:
        """Return all keys, for the tests that find an unused or an unknown one."""
        return frozenset(self._templates)


def load_strings(folder: Path) -> Strings:
    """Read strings.toml in `folder`. Raises ContentError with every problem found."""
    strings, problems = read_strings(folder)
    if problems or strings is None:
        raise ContentError(problems)
    return strings


def read_strings(folder: Path) -> tuple[Strings | None, list[Problem]]:
    """Return the strings as far as they can be read, and every problem with them."""
    problems: list[Problem] = []
    try:
        content = tomllib.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [Problem(_FILE, "file", f"can't be read: {error}")]
    templates: dict[str, dict[Language, Template]] = {}
    words: dict[str, dict[Language, tuple[str, ...]]] = {}

    def visit(key: str, value: object) -> None:
        if not isinstance(value, dict):
            problems.append(Problem(_FILE, key, "must be a table with one text for each language"))
        elif key.endswith(".words"):
            problems.extend(Problem(_FILE, key, f"lacks {tag}") for tag in sorted(_LANGUAGES - value.keys()))
            name = key.removeprefix("commands.").removesuffix(".words")
            words[name] = {}
            for tag, names in value.items():
                if tag not in _LANGUAGES or not isinstance(names, list):
                    problems.append(
                        Problem(_FILE, f"{key}.{tag}", "must be a list of words, for one of en, de, ru, ka")
                    )
                else:
                    words[name][Language(tag)] = tuple(str(name) for name in names)
        elif value and all(isinstance(text, str) for text in value.values()):
            templates[key] = {}
            for tag in sorted(_LANGUAGES | value.keys()):
                if tag not in _LANGUAGES:
                    problems.append(Problem(_FILE, key, f"{tag!r} is no language; those are en, de, ru, ka"))
                elif not value.get(tag, "").strip():
                    problems.append(Problem(_FILE, key, f"lacks {tag}"))
                else:
                    try:
                        templates[key][Language(tag)] = Template(value[tag])
                    except SteadyError as error:
                        problems.append(Problem(_FILE, f"{key}.{tag}", str(error)))
        else:
            for name, inner in value.items():
                visit(f"{key}.{name}" if key else name, inner)

    visit("", content)
    return Strings(templates, words), problems
