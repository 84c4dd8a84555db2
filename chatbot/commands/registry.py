"""The command registry: one table from which parser, help, menus and manifests are made.

To add a command, write a function beside this file and its words, usage and summary in strings.toml; a new file is
imported in `__init__.py`. A command returns None when its argument makes no sense to it: then the words are read as
plain words ("next customer is furious" is no `next`). Only when nothing else understands them is it asked again, with
`ask.insist`.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatbot.cards import Ask
from chatbot.guidance import fold
from chatbot.model import Language, Reply
from chatbot.roles import Role
from chatbot.strings import Strings

if TYPE_CHECKING:
    from chatbot.coach import Coach

Run = Callable[["Coach", Ask, str], Awaitable[Reply | None]]

#: The slash command under which all others can be given.
UMBRELLA = "steady"


@dataclass(frozen=True, slots=True)
class Command:
    """A line of the registry. `slash`: it has a slash command of its own. `listed`: people type it.

    `role` is what somebody must be to get anything from it; it checks that itself.
    """

    name: str
    run: Run
    slash: bool = False
    listed: bool = True
    role: Role = "agent"


COMMANDS: dict[str, Command] = {}


def command(name: str, *, slash: bool = False, listed: bool = True, role: Role = "agent") -> Callable[[Run], Run]:
    """Enter a function in the registry."""

    def enter(run: Run) -> Run:
        COMMANDS[name] = Command(name, run, slash, listed, role)
        return run

    return enter


def action_in(strings: Strings, name: str, argument: str, actions: Iterable[str]) -> tuple[str, str]:
    """Return which action of a command its argument begins with, in any language, and the rest.

    ("", argument) if the first words name none.
    """
    words = argument.split()
    for length in (2, 1):
        said = fold(" ".join(words[:length]))
        for action in actions:
            names = strings.words.get(f"{name}.{action}", {}).values()
            if said == action or any(said == fold(word) for of_language in names for word in of_language):
                return action, " ".join(words[length:])
    return "", argument


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command that a text begins with, the rest of the text, and the languages that call it so."""

    command: Command
    argument: str
    languages: frozenset[Language]


class Parser:
    """Finds the command at the beginning of a text, by its English name or its words in any language."""

    def __init__(self, strings: Strings) -> None:
        self._words: dict[str, tuple[Command, frozenset[Language]]] = {}
        for entry in COMMANDS.values():
            for language, words in strings.words.get(entry.name, {}).items():
                for word in words:
                    known = self._words.get(fold(word), (entry, frozenset()))[1]
                    self._words[fold(word)] = (entry, known | {language})
            self._words[entry.name] = (entry, frozenset(Language))

    @property
    def words(self) -> frozenset[str]:
        """Return every word that begins a command, folded; no topic may have one as an alias."""
        return frozenset(self._words)

    def parse(self, text: str) -> Parsed | None:
        """Return the command that `text` (already without slash and umbrella) begins with."""
        first, _, rest = text.partition(" ")
        match = self._words.get(fold(first))
        return Parsed(match[0], rest.strip(), match[1]) if match else None


def bare(text: str) -> str:
    """Return a text without the slash and the umbrella's name before it."""
    text = " ".join(text[:4000].split()).lstrip("/").lstrip()
    first, _, rest = text.partition(" ")
    return rest.lstrip("/").lstrip() if first.casefold() == UMBRELLA else text


def names_command(text: str) -> bool:
    """Return whether a text begins with a slash command of its own: what follows `/say` can only be its argument."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return first.startswith("/") and first.lstrip("/").casefold() not in (UMBRELLA, "")
