"""What the page may post: JSON in strict shapes."""

from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from adapters.web.faults import Fault
from adapters.web.people import Place
from chatbot.model import Language

PersonaKey = Literal["sam", "lena", "nino"]
#: As much as any field of a form holds.
Typed = Annotated[str, StringConstraints(max_length=8000)]
Picked = Annotated[Language, Field(strict=False)]


class Request(BaseModel):
    """What all of them have in common: nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", strict=True)


Shape = TypeVar("Shape", bound=Request)


class Send(Request):
    """A message that an agent typed."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    persona: PersonaKey
    place: Place
    language: Picked


class Press(Request):
    """A press: in Slack `block`, `action` and the lines typed by block and action; in Teams `verb` and `data`."""

    pane: Literal["slack", "teams"]
    message: Typed
    persona: PersonaKey
    language: Picked
    block: Typed = ""
    action: Typed = ""
    values: dict[Typed, dict[Typed, Typed]] = {}
    verb: Typed = ""
    data: dict[Typed, str | int | float | bool | list[Typed] | None] = {}


class Submit(Request):
    """A modal that was sent: what stands in each block's input, one text or the values of options."""

    modal: Typed
    values: dict[Typed, Annotated[list[Typed], Field(max_length=100)]] = {}


class Close(Request):
    """A modal that was closed."""

    modal: Typed


class Move(Request):
    """Where the clock is to be moved; `moment` is in UTC."""

    to: Literal["hour", "day", "tip", "change", "moment"]
    language: Picked
    moment: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$")] | None = None


class Break(Request):
    """What happens to the next `count` messages of a platform; none: it works again."""

    pane: Literal["slack", "teams"]
    kind: Fault
    count: Annotated[int, Field(ge=0, le=20)]


class Nothing(Request):
    """A press of a button that says all."""


async def read(request: web.Request, shape: type[Shape]) -> Shape:
    """Return the body in its shape; 415 if it is no JSON, 400 if it does not fit."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON.")
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, problem["loc"])) or "body" for problem in error.errors()}))
        raise web.HTTPBadRequest(text=f"Not understood: {fields}.") from None
