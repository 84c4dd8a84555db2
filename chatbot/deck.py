"""Which tip comes next: a shuffled deck that shows everything once before it shows anything twice.

The order of a round is that of a hash of seed, round and tip, so a tip has its place whatever else is in the deck:
what is added or taken out in the middle of a round moves nothing else, and nothing comes twice.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from chatbot.tips import read_object, wrong

_HASH_BYTES = 8
_KEY_BEFORE_ID = 1 + 2 * _HASH_BYTES


@dataclass(frozen=True, slots=True)
class Deck:
    """How far a deck has been dealt.

    `cursor` is the sort key of the tip drawn last in this round. `carried` is a tip that ended the round before and
    would have begun this one as well: it comes last instead.
    """

    seed: int
    round: int = 0
    cursor: str = ""
    carried: str = ""

    def to_json(self) -> str:
        """Write the deck as JSON, for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Deck":
        """Read what `to_json` wrote. Raises SteadyError naming what is missing or wrong."""
        plain = read_object(text, "deck")
        for name, kind in (("seed", int), ("round", int), ("cursor", str), ("carried", str)):
            if type(plain.get(name)) is not kind:
                raise wrong("deck", name, "a whole number" if kind is int else "text")
        return cls(plain["seed"], plain["round"], plain["cursor"], plain["carried"])


def draw(deck: Deck, tips: Collection[str]) -> tuple[str | None, Deck]:
    """Return the id of the next tip and the deck after it; None, and the deck as it was, if there are no tips."""
    if not tips:
        return None, deck
    left = [key for tip in tips if (key := _key(deck, tip)) > deck.cursor]
    if not left:
        deck = _next_round(deck, tips)
        left = [_key(deck, tip) for tip in tips]
    key = min(left)
    return key[_KEY_BEFORE_ID:], Deck(deck.seed, deck.round, key, deck.carried)


def upcoming(deck: Deck, tips: Collection[str], count: int) -> tuple[str, ...]:
    """Return what the next `count` draws would give if the tips stay the same."""
    found: list[str] = []
    while len(found) < count:
        tip, deck = draw(deck, tips)
        if tip is None:
            break
        found.append(tip)
    return tuple(found)


def _next_round(deck: Deck, tips: Collection[str]) -> Deck:
    last = deck.cursor[_KEY_BEFORE_ID:]
    following = Deck(deck.seed, deck.round + 1)
    begins = min(tips, key=lambda tip: _key(following, tip))
    return Deck(deck.seed, deck.round + 1, carried=last if begins == last and len(tips) > 1 else "")


def _key(deck: Deck, tip: str) -> str:
    """Return what a round is sorted by; the id in it decides between equal hashes and tells which tip it was."""
    digest = hashlib.blake2b(f"{deck.seed}\n{deck.round}\n{tip}".encode(), digest_size=_HASH_BYTES).hexdigest()
    return f"{int(tip == deck.carried)}{digest}{tip}"
