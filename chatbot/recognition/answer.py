"""What the recogniser answers. Apart from it, because arrays and model are loaded only once plain words come."""

import re
from dataclasses import dataclass
from typing import Literal

from chatbot.model import Language


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a message was understood as.

    `topic` is set for kind "topic", `choices` (best first) for "choice" and, if anything is near, for "menu";
    `escalation` for "safety", None if it is not clear which. `why` is for developers, free of the agent's words.
    `language` is that of the phrases nearest to it, for messages in Latin letters.
    """

    kind: Literal["topic", "choice", "menu", "safety"]
    topic: str | None = None
    choices: tuple[str, ...] = ()
    escalation: str | None = None
    language: Language | None = None
    why: str = ""


def customers_words(text: str) -> str | None:
    """Return the customer's own words if a message is nothing but a pasted piece of theirs, else None."""
    stripped = inside = text.strip()
    for _ in range(_LAYERS):
        match = _PASTED.fullmatch(inside)
        if not match:
            break
        inside = next(group for group in match.groups() if group).strip()
    if inside != stripped:
        return inside
    if stripped.islower() or len(stripped.split()) < 12:
        return None
    letters = [letter for letter in stripped if letter.isupper() or letter.islower()]
    return stripped if sum(map(str.isupper, letters)) > 0.7 * len(letters) else None


#: How many marks may lie round each other: “customer: “where is my parcel””.
_LAYERS = 3
_PASTED = re.compile(
    r"""[“"„«](.{20,})[”"“»]"""
    r"|>\s*(.{10,})"
    r"|(?:customer|client|caller|cust|cx|kunde|kundin|anrufer|клиент|клиентка|покупатель|კლიენტი|klienti|klient)"
    r"(?: (?:says?|wrote|writes|schreibt|sagt|пишет|говорит|написал|написала|წერს|ამბობს))?\s*:\s*(.{10,})",
    re.IGNORECASE | re.DOTALL,
)
