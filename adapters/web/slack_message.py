"""A Slack message as Slack keeps it: its content, its bytes, what can be pressed and typed into."""

import json

from adapters.web.room import Payload


def content_of(message: Payload) -> tuple[Payload, int]:
    """Return text and blocks of a message, every element with the ids that Slack would give it, and its bytes."""
    shown = {key: message[key] for key in ("response_type", "text", "blocks") if message.get(key)}
    size = len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
    content: Payload = {"text": str(shown.get("text", ""))}
    if isinstance(message.get("metadata"), dict):
        content["metadata"] = message["metadata"]
    blocks = shown.get("blocks")
    if isinstance(blocks, list):
        content["blocks"] = [
            {"block_id": f"b{number}", **block} if isinstance(block, dict) else block
            for number, block in enumerate(blocks)
        ]
    return content, size


def _elements(content: Payload) -> list[tuple[str, Payload]]:
    """Return every button and input of a message with the id of its block."""
    found: list[tuple[str, Payload]] = []
    for block in content.get("blocks", ()):
        if isinstance(block, dict):
            several = block.get("elements")
            inside = [block.get("element"), block.get("accessory"), *(several if isinstance(several, list) else ())]
            kinds = ("button", "plain_text_input")
            found += [(block["block_id"], e) for e in inside if isinstance(e, dict) and e.get("type") in kinds]
    return found


def element_of(content: Payload, block_id: str, action_id: str) -> Payload | None:
    """Return the button or input with these ids, if the message has it."""
    return next((e for b, e in _elements(content) if b == block_id and e.get("action_id") == action_id), None)


def state_of(content: Payload, values: dict[str, dict[str, str]]) -> dict[str, dict[str, Payload]]:
    """Return what stands in the inputs of a message, in the shape of `state.values`."""
    state: dict[str, dict[str, Payload]] = {}
    for block_id, element in _elements(content):
        if element["type"] == "plain_text_input":
            action_id = str(element.get("action_id", ""))
            typed = values.get(block_id, {}).get(action_id)
            state.setdefault(block_id, {})[action_id] = {"type": "plain_text_input", "value": typed or None}
    return state
