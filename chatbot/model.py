"""What goes in and what comes out: Message and Reply, the same for every platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar

_T = TypeVar("_T")


class Language(StrEnum):
    """A language that every text of the product exists in."""

    EN = "en"
    DE = "de"
    RU = "ru"
    KA = "ka"

    @classmethod
    def from_tag(cls, tag: str | None) -> "Language | None":
        """Return the language of a BCP 47 tag such as `de-AT`, or None if it is not one of ours."""
        primary = (tag or "").replace("_", "-").split("-")[0].lower()
        return next((language for language in cls if language == primary), None)


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation that can be spoken to later.

    `key` names it within the workspace; `address` is what its adapter needs to post there, the core reads nothing into
    it. `personal`: only one person and Steady are in it. `name` is what the platform calls it, "" if it does not say.
    `certain`: Steady itself is in it; a slash command can be given where it is not.
    """

    key: str
    address: str
    personal: bool = False
    name: str = field(default="", compare=False)
    certain: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody, or ("group:" before the id) a group of people, named in a message."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """What an agent typed, pressed or filled in.

    `text` is free of mentions. `workspace` is unique over all platforms ("slack:T024", "teams:3f2a…"), `person` within
    it; the core reads no more into either than the platform's name. `locale` is what the platform says of the person's
    language; for a pressed button it is the language of the card that the button stood on. `name` is what the platform
    calls the person, and `zone` the time zone of their device, perhaps by an IANA name; "" if it does not say.
    `mentions` are the others it names. `values` are the fields of a form that was sent, by name; several choices of one
    field are joined with commas.
    """

    text: str
    workspace: str
    person: str
    locale: Language | None = None
    pressed: bool = False
    room: Room | None = None
    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    mentions: tuple[Mention, ...] = ()
    zone: str = ""


def by_platform(known: Mapping[str, _T], workspace: str) -> _T | None:
    """Return what is known for a workspace itself, or else for its platform ("slack"), if anything is."""
    return known.get(workspace) or known.get(workspace.partition(":")[0])


# Blocks: what a reply is made of. A renderer matches over all of them and ends in assert_never.


@dataclass(frozen=True, slots=True)
class Title:
    """The name of the card; a heading."""

    text: str
    kind: Literal["title"] = "title"


@dataclass(frozen=True, slots=True)
class Lead:
    """The first line: the one thing to do now."""

    text: str
    kind: Literal["lead"] = "lead"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do, in order."""

    items: tuple[str, ...]
    kind: Literal["steps"] = "steps"


@dataclass(frozen=True, slots=True)
class Points:
    """A labelled list in no order, such as what to avoid."""

    label: str
    items: tuple[str, ...]
    kind: Literal["points"] = "points"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words to say to the customer as they stand, with a label that marks them as such.

    `language` is the language of the phrase, which need not be that of the reply.
    """

    label: str
    text: str
    language: Language
    kind: Literal["phrase"] = "phrase"


@dataclass(frozen=True, slots=True)
class Field:
    """A line to type into. What is typed becomes the command's argument; an empty command means plain words."""

    label: str
    placeholder: str
    submit: str
    command: str = ""
    kind: Literal["field"] = "field"


@dataclass(frozen=True, slots=True)
class Note:
    """Small print: the source, the words that led here."""

    text: str
    kind: Literal["note"] = "note"


Block = Title | Lead | Text | Steps | Points | Phrase | Field | Note


@dataclass(frozen=True, slots=True)
class Button:
    """Pressing it is the same as typing `command`; the answer takes the place of the message it stands on.

    The answer to a `private` one is shown to whoever pressed it alone, and the message stays as it is.
    """

    label: str
    command: str
    style: Literal["plain", "primary", "danger"] = "plain"
    private: bool = False


# Forms: a modal in Slack, a card with inputs in Teams. What was typed comes back as Message.values.


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to type into, or several. `error` says what is wrong with what was typed."""

    name: str
    label: str
    value: str = ""
    placeholder: str = ""
    hint: str = ""
    error: str = ""
    lines: bool = False
    optional: bool = False
    longest: int = 150
    kind: Literal["entry"] = "entry"


@dataclass(frozen=True, slots=True)
class Option:
    """One of the things to choose from."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of one, or with `several` of any number, of the options; `chosen` are the values picked so far."""

    name: str
    label: str
    options: tuple[Option, ...]
    chosen: tuple[str, ...] = ()
    error: str = ""
    several: bool = False
    optional: bool = False
    kind: Literal["choice"] = "choice"


@dataclass(frozen=True, slots=True)
class Form:
    """Fields to fill in. To send them is the same as typing `command`, with `values`.

    An answer to that which has a form again shows it anew, with its errors; any other closes it.
    """

    command: str
    submit: str
    cancel: str
    fields: tuple[Entry | Choice, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the message was understood, for `steady ask --jsonl` and the tests.

    `topic` is the topic shown, `choices` the topic ids offered (best first, at most three when guessed),
    `why` the reason in words for a developer, without the agent's text.
    """

    kind: Literal["topic", "menu", "choice", "safety"]
    topic: str | None = None
    choices: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to show the agent. A renderer may not shorten it: the limits are kept where the texts are read.

    A `living` reply will be edited many times: it belongs in the personal conversation, where that works. One with a
    `form` has no buttons, and its title has at most 24 characters, which is what Slack gives a modal. A `private` one
    is shown to whoever pressed a button alone, and the message with the button stays. Only one that is `for_all` takes
    the place of a message that everybody in a room sees.
    """

    blocks: tuple[Block, ...]
    language: Language
    outcome: Outcome
    buttons: tuple[Button, ...] = ()
    living: bool = False
    form: Form | None = None
    private: bool = False
    for_all: bool = False

    @property
    def summary(self) -> str:
        """Return the gist in one line, for notifications and screen readers."""
        parts = [b.text for b in self.blocks if isinstance(b, Title | Lead)]
        parts += [b.text for b in self.blocks if isinstance(b, Text)][:1] if len(parts) < 2 else []
        return " – ".join(parts)


def quoted(text: str, language: Language) -> str:
    """Return `text` in the quotation marks of `language`."""
    match language:
        case Language.EN:
            return f"“{text}”"
        case Language.DE | Language.KA:
            return f"„{text}“"
        case Language.RU:
            return f"«{text}»"


def plain_text(reply: Reply) -> str:
    """Return the whole reply as text, for a terminal or a platform that draws no cards."""
    lines: list[str] = []
    for block in reply.blocks:
        match block:
            case Title(text) | Lead(text) | Text(text):
                lines.append(text)
            case Note(text):
                lines.append(f"[{text}]")
            case Steps(items):
                lines += [f"{number}. {item}" for number, item in enumerate(items, 1)]
            case Points(label, items):
                lines += [label, *(f"- {item}" for item in items)]
            case Phrase(label, text, language):
                lines.append(f"{label} {quoted(text, language)}")
            case Field(label):
                lines.append(label)
    for field_ in reply.form.fields if reply.form else ():
        lines.append(f"{field_.label}: {field_.value if isinstance(field_, Entry) else ', '.join(field_.chosen)}")
    lines += [f"> {button.label}: {button.command}" for button in reply.buttons]
    return "\n".join(lines)
