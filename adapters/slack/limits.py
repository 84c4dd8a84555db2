"""What Slack allows in a message, and the check that a rendered reply keeps to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapters.slack.render import Payload, compact, to_slack
from chatbot.model import Reply

#: A private answer in a room, whole and in UTF-8. More is cut off or refused.
EPHEMERAL_BYTES = 4000
BLOCKS_PER_MESSAGE = 50
ELEMENTS_PER_ACTIONS = 25
ELEMENTS_PER_CONTEXT = 10
HEADER_CHARACTERS = 150
BUTTON_CHARACTERS = 75
VALUE_CHARACTERS = 2000
ID_CHARACTERS = 255
INPUT_LABEL_CHARACTERS = 2000
PLACEHOLDER_CHARACTERS = 150


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of a message on the wire, what is allowed, and everything that Slack would refuse."""

    bytes: int
    limit: int
    problems: tuple[str, ...]


def measure(reply: Reply) -> Measure:
    """Render a reply as the private answer it is sent as, and measure it."""
    payload = {"response_type": "ephemeral", **to_slack(reply)}
    size = len(compact(payload).encode())
    problems = list(_problems(payload))
    if size > EPHEMERAL_BYTES:
        problems.append(f"the message has {size} bytes; {EPHEMERAL_BYTES} at most")
    return Measure(size, EPHEMERAL_BYTES, tuple(problems))


def _problems(payload: Payload) -> Iterator[str]:
    blocks = payload["blocks"]
    if not payload["text"]:
        yield "the fallback text is empty; screen readers and notifications need one"
    yield from _most("the message", "blocks", len(blocks), BLOCKS_PER_MESSAGE)
    yield from _unique("block_id", (block["block_id"] for block in blocks if "block_id" in block))
    for block in blocks:
        match block["type"]:
            case "header":
                yield from _text("a header", block["text"]["text"], HEADER_CHARACTERS)
            case "context":
                yield from _most("a context", "elements", len(block["elements"]), ELEMENTS_PER_CONTEXT)
            case "input":
                yield from _text("an input's label", block["label"]["text"], INPUT_LABEL_CHARACTERS)
                placeholder = block["element"]["placeholder"]["text"]
                yield from _text("a placeholder", placeholder, PLACEHOLDER_CHARACTERS)
                yield from _text("an action_id", block["element"]["action_id"], ID_CHARACTERS)
            case "actions":
                yield from _most("a row of buttons", "elements", len(block["elements"]), ELEMENTS_PER_ACTIONS)
                yield from _unique("action_id", (element["action_id"] for element in block["elements"]))
                for element in block["elements"]:
                    yield from _text("a button", element["text"]["text"], BUTTON_CHARACTERS)
                    yield from _text("an action_id", element["action_id"], ID_CHARACTERS)
                    yield from _text("a button's value", element.get("value", "-"), VALUE_CHARACTERS)


def _most(what: str, unit: str, count: int, most: int) -> Iterator[str]:
    if count > most:
        yield f"{what} has {count} {unit}; {most} at most"


def _text(what: str, text: str, most: int) -> Iterator[str]:
    if not text:
        yield f"{what} is empty"
    yield from _most(f"{what} ({text[:30]!r})", "characters", len(text), most)


def _unique(what: str, ids: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            yield f"{what} {one!r} stands there twice"
        seen.add(one)
