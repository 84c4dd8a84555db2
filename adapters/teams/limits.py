"""What Teams allows, and how much of it a reply takes."""

import json

from adapters.measure import Measure
from adapters.teams.render import ACTIONS_PER_ROW, to_activity, to_card
from chatbot.model import Reply

#: Bytes of a whole message, in UTF-16. Teams refuses about 100 KB; the rest is left for what Teams adds.
MESSAGE_BYTES = 80 * 1024


def measure(reply: Reply) -> Measure:
    """Return how much of what Teams allows a reply takes."""
    activity = to_activity(reply)
    size = len(json.dumps(activity, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le"))
    problems = []
    if size > MESSAGE_BYTES:
        problems.append(f"{size} bytes in UTF-16, {MESSAGE_BYTES} allowed")
    body = to_card(reply)["body"]
    rows = [element["actions"] for element in body if element["type"] == "ActionSet"]
    problems += [f"{len(row)} actions in a row, {ACTIONS_PER_ROW} shown" for row in rows if len(row) > ACTIONS_PER_ROW]
    for element in body:
        if "maxLength" in element and len(element.get("value", "")) > element["maxLength"]:
            problems.append(f"{len(element['value'])} characters in an input, {element['maxLength']} allowed")
    return Measure(size, MESSAGE_BYTES, tuple(problems))
