"""From replies to Adaptive Cards 1.5. Pure functions; no text of a reply can become mark-up.

Texts are TextRuns, which are literal, because TextBlocks are read as Markdown; the title has to be a TextBlock,
for only that can be a heading to a screen reader, and is escaped. Teams has no documented card action that puts
a text into the compose box (`Action.Compose` belongs to suggested actions, which Teams does not show beside an
attachment), so a phrase stands alone in its element, where it is selected and copied without its label.
"""

import re
from functools import cache
from math import ceil
from typing import assert_never

from adapters.teams.activity import Json
from adapters.teams.translate import VERB, input_id
from chatbot.content import BUILT_IN_RESPONSES
from chatbot.model import (
    Block,
    Button,
    Choice,
    Entry,
    Field,
    Form,
    Lead,
    Note,
    Phrase,
    Points,
    Reply,
    Room,
    Steps,
    Text,
    Title,
    plain_text,
)
from chatbot.strings import Strings, load_strings

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
#: Teams hides further actions of a set.
ACTIONS_PER_ROW = 6
#: As much as the core looks at.
LONGEST_FIELD = 4_000
#: Up to so many options stand there to be seen, as many as a week has days; more of them open as a menu.
_SHOWN_OPTIONS = 7

_MARKDOWN = re.compile(r"[\\`*_\[\]<>&~|]|^[ \t]*[-+#=]|^[ \t]*\d+(?=[.)])", re.MULTILINE)
_STYLES = {"plain": {}, "primary": {"style": "positive"}, "danger": {"style": "destructive"}}


def to_activity(reply: Reply, about: Room | None = None, *, shared: bool = False) -> Json:
    """Return a message activity with the card; `summary` is what notifications say.

    There is no `text`: Teams would show it beside the card. What a client that draws no cards shows instead is
    in the card's `fallbackText`.
    """
    return {
        "type": "message",
        "summary": reply.summary,
        "attachments": [{"contentType": CARD_TYPE, "content": to_card(reply, about, shared=shared)}],
    }


def to_card(reply: Reply, about: Room | None = None, *, shared: bool = False) -> Json:
    """Return the Adaptive Card of a reply.

    `about` is the room that the reply is about where that is not the conversation that the card stands in: each of
    its buttons then carries the room's address. A `shared` one stands in a room for everybody, and so does what takes
    its place.
    """
    carried: Json = {"language": str(reply.language)}
    if about:
        carried["room"] = about.address
    if shared:
        carried["shared"] = True
    body: list[Json] = []
    for number, block in enumerate(reply.blocks):
        body += _elements(block, number, carried)
    if reply.form:
        body += _form(reply.form, carried, _strings()("reply.required", reply.language))
    actions = [
        _execute(button, {"command": button.command, **carried} | ({"private": True} if button.private else {}))
        for button in reply.buttons
    ]
    rows = ceil(len(actions) / ACTIONS_PER_ROW)
    for row in range(rows):  # evenly filled: eight are four and four, not six and two
        body.append(
            {"type": "ActionSet", "actions": actions[row * len(actions) // rows : (row + 1) * len(actions) // rows]}
        )
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "lang": str(reply.language),
        "fallbackText": markdown_escaped(plain_text(reply)),
        "body": body,
    }


def _elements(block: Block, number: int, carried: Json) -> list[Json]:
    match block:
        case Title(text):
            heading = {"style": "heading", "size": "large", "weight": "bolder", "wrap": True}
            return [{"type": "TextBlock", "text": markdown_escaped(text), **heading}]
        case Lead(text):
            return [_line(text, weight="bolder")]
        case Text(text):
            return [_line(text)]
        case Note(text):
            return [_line(text, size="small", isSubtle=True)]
        case Steps(items):
            # The number is part of the line, so that it is read out with its step.
            return [_line(f"{place}. {item}") for place, item in enumerate(items, 1)]
        case Points(label, items):
            return [_line(label, weight="bolder"), *(_line(f"• {item}", spacing="small") for item in items)]
        case Phrase(label, text):
            said = [_line(label, size="small", isSubtle=True), _line(text, spacing="small")]
            return [{"type": "Container", "style": "emphasis", "items": said}]
        case Field(label, placeholder, submit, command):
            name = f"typed{number}"
            data = {"command": command, **carried, "field": name}
            field = {"type": "Input.Text", "id": name, "label": literal(label), "placeholder": literal(placeholder)}
            action = _execute(Button(submit, command), data, inputs="auto")
            return [{**field, "maxLength": LONGEST_FIELD}, {"type": "ActionSet", "actions": [action]}]
        case _:
            assert_never(block)


def _form(form: Form, carried: Json, required: str) -> list[Json]:
    """Return the fields of a form, with a button that sends them and one that doesn't.

    What is wrong with a field stands right below it, in words; the colour only repeats that.
    """
    elements: list[Json] = []
    for field in form.fields:
        match field:
            case Entry():
                shown = _entry(field)
            case Choice():
                shown = _choice(field)
            case _:
                assert_never(field)
        must = {} if field.optional else {"isRequired": True, "errorMessage": literal(required)}
        elements.append({**shown, "id": input_id(field.name), "label": literal(field.label), **must})
        if field.error:
            elements.append(_line(field.error, spacing="small", color="attention", weight="bolder"))
        if isinstance(field, Entry) and field.hint:
            elements.append(_line(field.hint, spacing="small", size="small", isSubtle=True))
    sent = {"command": form.command, **carried, "form": [field.name for field in form.fields]}
    submit = _execute(Button(form.submit, form.command, "primary"), sent, inputs="auto")
    cancel = _execute(Button(form.cancel, "topics"), {"command": "topics", **carried})
    return [*elements, {"type": "ActionSet", "actions": [submit, cancel]}]


def _entry(entry: Entry) -> Json:
    told = {"value": entry.value, "placeholder": literal(entry.placeholder)}
    lines = {"isMultiline": True} if entry.lines else {}
    return {
        "type": "Input.Text",
        "maxLength": entry.longest,
        **lines,
        **{key: text for key, text in told.items() if text},
    }


def _choice(choice: Choice) -> Json:
    several = {"isMultiSelect": True} if choice.several else {}
    chosen = {"value": ",".join(choice.chosen)} if choice.chosen else {}
    return {
        "type": "Input.ChoiceSet",
        "style": "expanded" if len(choice.options) <= _SHOWN_OPTIONS else "compact",
        "wrap": True,
        "choices": [{"title": _unlinked(option.label), "value": option.value} for option in choice.options],
        **several,
        **chosen,
    }


@cache
def _strings() -> Strings:
    # One sentence that the client itself shows: not worth handing the program's own strings to each who draws a card.
    return load_strings(BUILT_IN_RESPONSES)


def _line(text: str, *, spacing: str | None = None, **style: str | bool) -> Json:
    """Return a paragraph of literal text."""
    line: Json = {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": literal(text), **style}]}
    return {**line, "spacing": spacing} if spacing else line


def _execute(button: Button, data: Json, inputs: str = "none") -> Json:
    """Return a button whose answer takes the card's place; clients too old for that send `data` as a message."""
    title = literal(button.label)
    style = _STYLES[button.style]
    return {
        "type": "Action.Execute",
        "title": title,
        "verb": VERB,
        "data": data,
        "associatedInputs": inputs,
        **style,
        "fallback": {"type": "Action.Submit", "title": title, "data": data, "associatedInputs": inputs, **style},
    }


def literal(text: str) -> str:
    """Return a text that cards show as it is, even if it holds `{{DATE(…)}}`, which they fill in everywhere else."""
    return text.replace("{{", "{\N{WORD JOINER}{")


def _unlinked(text: str) -> str:
    """Return an option's text without links: some clients read it as Markdown, others would show the backslashes."""
    return literal(text).replace("](", "]\N{WORD JOINER}(")


def markdown_escaped(text: str) -> str:
    """Return a text that reads as it is where Markdown is understood."""
    return _MARKDOWN.sub(_escape, literal(text))


def _escape(found: re.Match[str]) -> str:
    mark = found.group()
    # A number would begin a list by the dot after it: that is what has to be escaped.
    return f"{mark}\\" if mark[-1].isdigit() else f"{mark[:-1]}\\{mark[-1]}"
