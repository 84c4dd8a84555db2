"""From replies to Adaptive Cards 1.5. Pure functions; no text of a reply can become mark-up.

Texts are TextRuns, which are literal, because TextBlocks are read as Markdown; the title has to be a TextBlock,
for only that can be a heading to a screen reader, and is escaped. Teams has no documented card action that puts
a text into the compose box (`Action.Compose` belongs to suggested actions, which Teams does not show beside an
attachment), so a phrase stands alone in its element, where it is selected and copied without its label.
"""

import re
from math import ceil
from typing import Any, assert_never

from adapters.teams.translate import VERB
from chatbot.model import Block, Button, Field, Lead, Note, Phrase, Points, Reply, Steps, Text, Title, plain_text

Json = dict[str, Any]

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
#: Teams hides further actions of a set.
ACTIONS_PER_ROW = 6
#: As much as the core looks at.
LONGEST_FIELD = 4_000

_MARKDOWN = re.compile(r"[\\`*_\[\]<>&~|]|^[ \t]*[-+#=]|^[ \t]*\d+(?=[.)])", re.MULTILINE)
_STYLES = {"plain": {}, "primary": {"style": "positive"}, "danger": {"style": "destructive"}}


def to_activity(reply: Reply) -> Json:
    """Return a message activity with the card; `summary` is what notifications say.

    There is no `text`: Teams would show it beside the card. What a client that draws no cards shows instead is
    in the card's `fallbackText`.
    """
    return {
        "type": "message",
        "summary": reply.summary,
        "attachments": [{"contentType": CARD_TYPE, "content": to_card(reply)}],
    }


def to_card(reply: Reply) -> Json:
    """Return the Adaptive Card of a reply."""
    body: list[Json] = []
    for number, block in enumerate(reply.blocks):
        body += _elements(block, number, reply)
    actions = [
        _execute(button, {"command": button.command, "language": str(reply.language)}) for button in reply.buttons
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


def _elements(block: Block, number: int, reply: Reply) -> list[Json]:
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
            data = {"command": command, "language": str(reply.language), "field": name}
            field = {"type": "Input.Text", "id": name, "label": literal(label), "placeholder": literal(placeholder)}
            action = _execute(Button(submit, command), data, inputs="auto")
            return [{**field, "maxLength": LONGEST_FIELD}, {"type": "ActionSet", "actions": [action]}]
        case _:
            assert_never(block)


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


def markdown_escaped(text: str) -> str:
    """Return a text that reads as it is where Markdown is understood."""
    return _MARKDOWN.sub(_escape, literal(text))


def _escape(found: re.Match[str]) -> str:
    mark = found.group()
    # A number would begin a list by the dot after it: that is what has to be escaped.
    return f"{mark}\\" if mark[-1].isdigit() else f"{mark[:-1]}\\{mark[-1]}"
