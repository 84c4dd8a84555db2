"""Reply to Block Kit. Pure functions: the same reply is always drawn the same.

Texts go only where Slack reads them literally: plain_text objects without emoji codes, and the text elements of a
rich_text block, whose lists and quotes are real ones for a screen reader. The one mrkdwn place is the fallback
`text` of the message, and `literal` disarms it.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, assert_never

from chatbot.model import (
    Block,
    Button,
    Field,
    Language,
    Lead,
    Note,
    Phrase,
    Points,
    Reply,
    Steps,
    Text,
    Title,
)

Payload = dict[str, Any]

#: What the ids of the elements begin with, so that a press can be told from a typed line, and a press whose answer
#: replaces the message from one that is answered beside it.
PRESSED, PRIVATE, TYPED, SUBMITTED = "p", "own", "type", "submit"

_BUTTONS_PER_BLOCK = 25


def to_slack(reply: Reply) -> Payload:
    """Return the message as {"text": fallback, "blocks": [...]}.

    Every actions and input block's `block_id` begins with the language of the reply, so that a press brings it
    back. A button's `value` is its command; a field's command stands in the `action_id` after a space.
    """
    blocks = draw(reply.blocks, reply.language)
    for start in range(0, len(reply.buttons), _BUTTONS_PER_BLOCK):
        some = reply.buttons[start : start + _BUTTONS_PER_BLOCK]
        elements = [_button(number, button) for number, button in enumerate(some, start)]
        blocks.append(_actions(reply.language, len(blocks), elements))
    return {"text": literal(reply.summary), "blocks": blocks}


def draw(parts: Iterable[Block], language: Language) -> list[Payload]:
    """Return the Block Kit blocks of a reply's blocks."""
    blocks: list[Payload] = []
    for block in parts:
        _draw(block, language, blocks)
    return blocks


def plain(text: str) -> Payload:
    """Return a text object that is shown as it stands, with no shortcode made an emoji."""
    shown: Payload = {"type": "plain_text", "text": text}
    if ":" in text:  # a shortcode needs two; where there is none, the bytes are worth more
        shown["emoji"] = False
    return shown


def compact(payload: Payload) -> str:
    """Return the payload as JSON in as few bytes as it goes: Georgian is three bytes a letter, six when escaped."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _draw(block: Block, language: Language, blocks: list[Payload]) -> None:
    match block:
        case Title(text):
            blocks.append({"type": "header", "text": plain(text)})
        case Lead(text):
            _rich(blocks, [_section(text, bold=True)])
        case Text(text):
            _rich(blocks, [_section(text)])
        case Steps(items):
            _rich(blocks, [_list("ordered", items)])
        case Points(label, (item,)):  # one line is no list
            _rich(blocks, [_section(label, bold=True), _section(item)])
        case Points(label, items):
            _rich(blocks, [_section(label, bold=True), _list("bullet", items)])
        case Phrase(label, text, _):
            _rich(blocks, [_section(label), {"type": "rich_text_quote", "elements": [_text(text)]}])
        case Note(text):
            blocks.append({"type": "context", "elements": [plain(text)]})
        case Field():
            _field(block, language, blocks)
        case _:
            assert_never(block)


def _rich(blocks: list[Payload], elements: list[Payload]) -> None:
    """Add elements to the rich_text block at the end, or begin one: fewer blocks, fewer bytes."""
    if blocks and blocks[-1]["type"] == "rich_text":
        blocks[-1]["elements"] += elements
    else:
        blocks.append({"type": "rich_text", "elements": elements})


def _text(text: str) -> Payload:
    return {"type": "text", "text": text}


def _section(text: str, *, bold: bool = False) -> Payload:
    element = _text(text)
    if bold:
        element["style"] = {"bold": True}
    return {"type": "rich_text_section", "elements": [element]}


def _list(style: str, items: Iterable[str]) -> Payload:
    return {"type": "rich_text_list", "style": style, "elements": [_section(item) for item in items]}


def _field(field: Field, language: Language, blocks: list[Payload]) -> None:
    number = len(blocks)
    element = {
        "type": "plain_text_input",
        "action_id": f"{TYPED} {field.command}".strip(),
        "placeholder": plain(field.placeholder),
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    blocks.append(
        {
            "type": "input",
            "block_id": f"{language} {number}",
            "dispatch_action": True,
            "label": plain(field.label),
            "element": element,
        }
    )
    # A phone's keyboard may have no Enter that submits, so the field has its button too.
    submit = {
        "type": "button",
        "text": plain(field.submit),
        "action_id": f"{SUBMITTED} {field.command}".strip(),
        "style": "primary",
    }
    blocks.append(_actions(language, number + 1, [submit]))


def _button(number: int, button: Button) -> Payload:
    element = {
        "type": "button",
        "text": plain(button.label),
        "action_id": f"{PRIVATE if button.private else PRESSED} {number}",
        "value": button.command,
    }
    if button.style != "plain":
        element["style"] = button.style
    return element


def _actions(language: Language, number: int, elements: list[Payload]) -> Payload:
    return {"type": "actions", "block_id": f"{language} {number}", "elements": elements}


#: What begins or ends markup, a shortcode such as :smile:, or a link, and the line starts that make a quote.
_MARKUP = re.compile(r"[*_~`]|:(?=[\w+'-]|//)|@|#|^(?=>)", re.MULTILINE)
#: Shows nothing, breaks no line, and is no space: `*` before it opens nothing.
_JOINER = "\u2060"


def literal(text: str) -> str:
    """Return a text that Slack's mrkdwn shows as it stands: nothing in it is a link, a mention, bold or an emoji."""
    disarmed = _MARKUP.sub(lambda match: f"{match[0]}{_JOINER}", text)
    return disarmed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
