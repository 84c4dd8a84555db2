"""Making different spellings of the same words the same, and scripts comparable.

Agents type in a hurry: in capitals, with letters repeated, digits for letters, and Russian and Georgian in
whatever Latin letters come to hand. Everything is brought to one loose Latin spelling in which those agree.
"""

import re
import unicodedata
from functools import lru_cache

#: Longer texts are judged by their beginning and end: what matters of a long story stands there.
LONGEST = 10_000

_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщыэюя",
        "a b v g d e zh z i i k l m n o p r s t u f h c ch sh sh i e iu ia".split(),  # noqa: SIM905 - a table is read more easily on one line
        strict=True,
    )
)
_CYRILLIC |= {"ё": "e", "і": "i", "ї": "i", "є": "e", "ґ": "g", "ў": "u", "ъ": "", "ь": ""}
_GEORGIAN = dict(
    zip(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "a b g d e v z t i k l m n o p zh r s t u p k g k sh ch c z c ch h j h".split(),  # noqa: SIM905 - a table is read more easily on one line
        strict=True,
    )
)
_LATIN = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "ø": "o", "æ": "ae"}
_LETTERS = str.maketrans({**_CYRILLIC, **_GEORGIAN, **_LATIN})

_DIGITS = str.maketrans({"0": "o", "1": "i", "3": "e", "5": "s", "@": "a", "$": "s"})
_MIXED = re.compile(r"(?=[\w@$]*[a-z])(?=[\w@$]*[0-9@$])[\w@$]+")
_CHE = re.compile(r"4(?=[a-z])")
_REPEATED = re.compile(r"(.)\1{2,}")
_SOUNDS = re.compile(r"shch|sch|tch|tsch|kh|gh|ph|ts|tz|dz|dj|zh|ya|ja|yu|ju|yo|jo|ye|je|[xqwyj]")
_SPELLED = {
    "shch": "sh", "sch": "sh", "tch": "ch", "tsch": "ch", "kh": "h", "gh": "g", "ph": "p", "ts": "c", "tz": "c",
    "dz": "z", "dj": "j", "zh": "zh", "ya": "ia", "ja": "ia", "yu": "iu", "ju": "iu", "yo": "e", "jo": "e",
    "ye": "e", "je": "e", "x": "h", "q": "k", "w": "v", "y": "i", "j": "j",
}  # fmt: skip
_SAME = str.maketrans({"ё": "е", "’": "'", "‘": "'", "`": "'", "ʼ": "'"})


# The safety patterns, the dictionary and the classifier ask for the same message one after the other.
@lru_cache(maxsize=4)
def plain(text: str) -> str:
    """Return a text in one spelling: small letters, single spaces, no quotes or punctuation.

    Emoji stay, each as a word of its own: an angry face says something.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(f" {c} " if unicodedata.category(c) == "So" else c for c in text) if not text.isascii() else text
    text = _REPEATED.sub(r"\1", text.translate(_SAME))
    kept = [c if c.isalnum() or c in "'@$" or unicodedata.category(c) in ("So", "Mn", "Mc") else " " for c in text]
    return " ".join("".join(kept).replace("'", "").split())


@lru_cache(maxsize=4)
def latin(text: str) -> str:
    """Return a plain text in loose Latin letters, in which кричит, krichit and kri4it are the same."""
    text = text.translate(_LETTERS)
    text = _CHE.sub("ch", text)
    text = _MIXED.sub(lambda match: match[0].translate(_DIGITS), text)
    return _SOUNDS.sub(lambda match: _SPELLED[match[0]], text)
