"""A form as a modal: Reply to view, what was sent back to Message, and how the modal answers that.

A modal knows nothing of the room it was opened in, so its `private_metadata` carries what must come back: the
command, the language, the room. Only Slack can sign a request, and only we set that field; it is read with care all
the same, for a modal may have been opened by an older Steady.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from adapters.slack.payloads import name_in, room_of, string_in, uncertain, unescaped, workspace_of
from adapters.slack.render import Payload, compact, draw, plain
from chatbot.model import Choice, Entry, Form, Language, Message, Option, Reply, Room, Title

#: The `callback_id` of our modals.
OURS = "steady-form"
#: Up to so many options stand there to be seen; more of them open as a menu.
_SHOWN_OPTIONS = 5
#: As much as Slack lets anybody type into an input, and lets us put into it.
LONGEST_INPUT = 3000


@dataclass(frozen=True, slots=True)
class Sent:
    """A modal that was sent: what it says, and what is needed to answer it.

    `shape` stands for all that was shown, but for values and errors; `turn` counts how often the modal was drawn;
    `block_ids` are those of the fields, by name.
    """

    message: Message
    shape: int
    turn: int
    block_ids: Mapping[str, str]


def to_view(reply: Reply, form: Form, room: Room | None, turn: int = 0) -> Payload:
    """Return the modal of a reply with a form; its title is the reply's.

    Slack keeps what was typed into an input as long as its `block_id` stays, so with each turn they are new ones.
    """
    title = next((block.text for block in reply.blocks if isinstance(block, Title)), "Steady")
    shown = draw([block for block in reply.blocks if not isinstance(block, Title)], reply.language)
    metadata = {
        "command": form.command,
        "language": reply.language,
        "room": room.key if room else "",
        "shape": _shape(reply, form),
        "turn": turn,
    }
    return {
        "type": "modal",
        "callback_id": OURS,
        "title": plain(title),
        "submit": plain(form.submit),
        "close": plain(form.cancel),
        "private_metadata": compact(metadata),
        "blocks": [*shown, *(_input(field, turn) for field in form.fields)],
    }


def from_submission(payload: Payload) -> Sent | None:
    """Return what was sent with a modal, or None if the modal is none of ours."""
    view = payload["view"]
    metadata = _parsed(string_in(view, "private_metadata"))
    command = string_in(metadata, "command")
    if view["callback_id"] != OURS or not command:
        return None
    values: dict[str, str] = {}
    block_ids: dict[str, str] = {}
    state = view.get("state")
    blocks = state.get("values") if isinstance(state, dict) else None
    for block_id, elements in blocks.items() if isinstance(blocks, dict) else ():
        for name, element in elements.items() if isinstance(elements, dict) else ():
            values[name] = _value(element)
            block_ids[name] = block_id
    message = Message(
        command,
        workspace_of(payload),
        payload["user"]["id"],
        Language.from_tag(string_in(metadata, "language")),
        pressed=True,
        room=uncertain(room_of(string_in(metadata, "room"))),
        name=name_in(payload),
        values=values,
    )
    return Sent(message, _number(metadata, "shape"), _number(metadata, "turn"), block_ids)


def shown_again(reply: Reply, form: Form, sent: Sent) -> Payload:
    """Return the answer that shows the form anew.

    If all that is new are errors Slack puts them at their fields itself; else the whole modal is drawn again.
    """
    errors = {sent.block_ids.get(field.name, ""): field.error for field in form.fields if field.error}
    as_typed = all(_same(field, sent.message.values.get(field.name, "")) for field in form.fields)
    if errors and "" not in errors and as_typed and _shape(reply, form) == sent.shape:
        return {"response_action": "errors", "errors": errors}
    return {"response_action": "update", "view": to_view(reply, form, sent.message.room, sent.turn + 1)}


def _shape(reply: Reply, form: Form) -> int:
    """Return a number that changes with anything shown, but for values and errors."""
    fields = tuple(
        replace(field, value="", error="") if isinstance(field, Entry) else replace(field, chosen=(), error="")
        for field in form.fields
    )
    return zlib.crc32(repr((reply.blocks, replace(form, fields=fields))).encode())


def _same(field: Entry | Choice, value: str) -> bool:
    if isinstance(field, Entry):
        return field.value == value
    return set(field.chosen) == {one for one in value.split(",") if one}


def _input(field: Entry | Choice, turn: int) -> Payload:
    match field:
        case Entry():
            element = _entry(field)
            hints = [text for text in (field.error, field.hint) if text]
        case Choice():
            element = _choice(field)
            hints = [field.error] if field.error else []
        case _:
            assert_never(field)
    block: Payload = {
        "type": "input",
        "block_id": f"{field.name} {turn}",
        "label": plain(field.label),
        "element": {**element, "action_id": field.name},
        "optional": field.optional,
    }
    return {**block, "hint": plain("\n".join(hints))} if hints else block


def _entry(entry: Entry) -> Payload:
    element: Payload = {
        "type": "plain_text_input",
        "multiline": entry.lines,
        "max_length": min(entry.longest, LONGEST_INPUT),
    }
    if entry.value:
        element["initial_value"] = entry.value
    if entry.placeholder:
        element["placeholder"] = plain(entry.placeholder)
    return element


def _choice(choice: Choice) -> Payload:
    chosen = [_option(option) for option in choice.options if option.value in choice.chosen]
    few = len(choice.options) <= _SHOWN_OPTIONS
    if choice.several:
        kind = "checkboxes" if few else "multi_static_select"
    else:  # a radio button can't be let go again, so where no choice is one too it is a menu
        kind = "radio_buttons" if few and not choice.optional else "static_select"
    element: Payload = {"type": kind, "options": [_option(option) for option in choice.options]}
    if chosen and choice.several:
        element["initial_options"] = chosen
    elif chosen:
        element["initial_option"] = chosen[0]
    return element


def _option(option: Option) -> Payload:
    return {"text": plain(option.label), "value": option.value}


def _value(element: Any) -> str:
    """Return what stands in an input; several choices are joined with commas."""
    match element:
        case {"selected_options": list(options)}:
            return ",".join(string_in(option, "value") for option in options)
        case {"selected_option": option}:
            return string_in(option, "value")
        case _:
            return unescaped(string_in(element, "value"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _number(holder: Any, key: str) -> int:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if type(value) is int and 0 <= value < 2**32 else 0
