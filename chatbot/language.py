"""Which language a text is in, as far as its letters tell, and which of its letters can be shown."""

import re

from chatbot.model import Language

#: Control characters but for tabs and line ends, halves of emoji, and what turns the direction of writing.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_GEORGIAN = re.compile("[\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2f]+")
_CYRILLIC = re.compile("[\u0400-\u04ff]+")


def legible(text: str) -> str:
    """Return a text without what can't be shown: half an emoji, cut off by a client, can't even be sent."""
    return _ILLEGIBLE.sub("", text)


def script_language(text: str) -> Language | None:
    """Return ka or ru if most letters are Georgian or Cyrillic; None for Latin, ties and no letters."""
    if text.isascii():
        return None
    text = text.strip()[:400].casefold()
    without_georgian = _GEORGIAN.sub("", text)
    rest = _CYRILLIC.sub("", without_georgian)
    georgian, cyrillic = len(text) - len(without_georgian), len(without_georgian) - len(rest)
    other = sum(map(str.isalpha, rest))
    if georgian > max(cyrillic, other):
        return Language.KA
    if cyrillic > max(georgian, other):
        return Language.RU
    return None


#: What people call each language, folded, so that `language deutsch` works whatever language they start from.
NAMES: dict[str, Language] = {
    "en": Language.EN, "english": Language.EN, "englisch": Language.EN, "английский": Language.EN,
    "ინგლისური": Language.EN, "ინგლისურად": Language.EN, "по английски": Language.EN,
    "de": Language.DE, "german": Language.DE, "deutsch": Language.DE, "немецкий": Language.DE,
    "გერმანული": Language.DE, "გერმანულად": Language.DE, "по немецки": Language.DE,
    "ru": Language.RU, "russian": Language.RU, "russisch": Language.RU, "русский": Language.RU,
    "რუსული": Language.RU, "რუსულად": Language.RU, "по русски": Language.RU,
    "ka": Language.KA, "georgian": Language.KA, "georgisch": Language.KA, "грузинский": Language.KA,
    "ქართული": Language.KA, "ქართულად": Language.KA, "по грузински": Language.KA,
}  # fmt: skip

_BEFORE = frozenset({"in", "auf", "на"})
_OF_LANGUAGE = {
    "английском": Language.EN, "немецком": Language.DE, "русском": Language.RU, "грузинском": Language.KA,
    "рус": Language.RU, "англ": Language.EN, "нем": Language.DE, "груз": Language.KA,
}  # fmt: skip


def split_language(text: str) -> tuple[str, Language | None]:
    """Split "apologise in ru" or "извинение на немецком" into the words before and the language named last."""
    words = text.split()
    for count in (2, 1):
        if len(words) < count:
            continue
        named = " ".join(words[-count:]).casefold().replace("-", " ").strip(".,!?")
        language = NAMES.get(named) or _OF_LANGUAGE.get(named)
        if language:
            rest = words[:-count]
            if rest and rest[-1].casefold() in _BEFORE:
                rest = rest[:-1]
            return " ".join(rest), language
    return text, None


#: Each language in its own words, as the buttons show them.
OWN_NAMES = {
    Language.EN: "English",
    Language.DE: "Deutsch",
    Language.RU: "Русский",
    Language.KA: "ქართული",
}
