"""What Slack allows in a message, and the check that a rendered reply keeps to it."""

from collections.abc import Iterable, Iterator

from adapters.measure import Measure
from adapters.slack.modal import LONGEST_INPUT, to_view
from adapters.slack.render import Payload, compact, to_slack
from chatbot.model import Reply, Room

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
HINT_CHARACTERS = 2000
OPTIONS_PER_MENU = 100
OPTION_CHARACTERS = 75
OPTION_VALUE_CHARACTERS = 150
#: A modal: whole, and its title and buttons.
VIEW_BYTES = 250_000
BLOCKS_PER_VIEW = 100
VIEW_LABEL_CHARACTERS = 24
METADATA_CHARACTERS = 3000


def measure(reply: Reply) -> Measure:
    """Render a reply as the private answer or the modal that it is sent as, and measure it."""
    if reply.form:
        view = to_view(reply, reply.form, Room("C" * 41, "C" * 41))
        size = len(compact(view).encode())
        return Measure(size, VIEW_BYTES, tuple(_problems_of_view(view)))
    payload = {"response_type": "ephemeral", **to_slack(reply)}
    size = len(compact(payload).encode())
    problems = list(_problems(payload))
    if size > EPHEMERAL_BYTES:
        problems.append(f"the message has {size} bytes; {EPHEMERAL_BYTES} at most")
    return Measure(size, EPHEMERAL_BYTES, tuple(problems))


def _problems(payload: Payload) -> Iterator[str]:
    if not payload["text"]:
        yield "the fallback text is empty; screen readers and notifications need one"
    yield from _most("the message", "blocks", len(payload["blocks"]), BLOCKS_PER_MESSAGE)
    yield from _problems_of_blocks(payload["blocks"])


def _problems_of_view(view: Payload) -> Iterator[str]:
    for part in ("title", "submit", "close"):
        yield from _text(f"the modal's {part}", view[part]["text"], VIEW_LABEL_CHARACTERS)
    yield from _text("the modal's metadata", view["private_metadata"], METADATA_CHARACTERS)
    yield from _most("the modal", "blocks", len(view["blocks"]), BLOCKS_PER_VIEW)
    yield from _problems_of_blocks(view["blocks"])


def _problems_of_blocks(blocks: list[Payload]) -> Iterator[str]:
    yield from _unique("block_id", (block["block_id"] for block in blocks if "block_id" in block))
    for block in blocks:
        match block["type"]:
            case "header":
                yield from _text("a header", block["text"]["text"], HEADER_CHARACTERS)
            case "context":
                yield from _most("a context", "elements", len(block["elements"]), ELEMENTS_PER_CONTEXT)
            case "input":
                yield from _text("an input's label", block["label"]["text"], INPUT_LABEL_CHARACTERS)
                yield from _text("an action_id", block["element"]["action_id"], ID_CHARACTERS)
                if "hint" in block:
                    yield from _text("a hint", block["hint"]["text"], HINT_CHARACTERS)
                yield from _problems_of_input(block["element"])
            case "actions":
                yield from _most("a row of buttons", "elements", len(block["elements"]), ELEMENTS_PER_ACTIONS)
                yield from _unique("action_id", (element["action_id"] for element in block["elements"]))
                for element in block["elements"]:
                    yield from _text("a button", element["text"]["text"], BUTTON_CHARACTERS)
                    yield from _text("an action_id", element["action_id"], ID_CHARACTERS)
                    yield from _text("a button's value", element.get("value", "-"), VALUE_CHARACTERS)


def _problems_of_input(element: Payload) -> Iterator[str]:
    if "placeholder" in element:
        yield from _text("a placeholder", element["placeholder"]["text"], PLACEHOLDER_CHARACTERS)
    most = element.get("max_length", LONGEST_INPUT)
    if most < 1:
        yield f"an input takes {most} characters; 1 to {LONGEST_INPUT} are possible"
    yield from _most("an input's first value", "characters", len(element.get("initial_value", "")), most)
    options = element.get("options", [])
    if "options" in element and not options:
        yield "a choice has no options"
    yield from _most("a choice", "options", len(options), OPTIONS_PER_MENU)
    yield from _unique("an option's value", (option["value"] for option in options))
    for option in options:
        yield from _text("an option", option["text"]["text"], OPTION_CHARACTERS)
        yield from _text("an option's value", option["value"], OPTION_VALUE_CHARACTERS)
        if "," in option["value"]:
            yield f"an option's value {option['value']!r} has a comma, which parts several choices"


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
