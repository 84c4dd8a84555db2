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
_DIGIT = re.compile("[0135@$]")
_MIXED = re.compile(r"(?<![\w@$])(?=[\w@$]*[a-z])(?=[\w@$]*[0-9@$])[\w@$]+")
_CHE = re.compile(r"4(?=[a-z])")
_REPEATED = re.compile(r"(.)\1{2,}")
_SOUNDS = re.compile(r"shch|sch|tch|tsch|kh|gh|ph|ts|tz|dz|dj|zh|ya|ja|yu|ju|yo|jo|ye|je|[xqwyj]")
_SPELLED = {
    "shch": "sh", "sch": "sh", "tch": "ch", "tsch": "ch", "kh": "h", "gh": "g", "ph": "p", "ts": "c", "tz": "c",
    "dz": "z", "dj": "j", "zh": "zh", "ya": "ia", "ja": "ia", "yu": "iu", "ju": "iu", "yo": "e", "jo": "e",
    "ye": "e", "je": "e", "x": "h", "q": "k", "w": "v", "y": "i", "j": "j",
}  # fmt: skip
_SAME = {"ё": "е", "’": "'", "‘": "'", "`": "'", "ʼ": "'"}


class _Kept(dict[int, str]):
    """What stands for each character in a plain text; looked up once for each."""

    #: Agents use a few hundred characters; a text of all there are must not stay in memory.
    MOST = 4_000

    def __missing__(self, code: int) -> str:
        letter = _SAME.get(chr(code), chr(code))
        category = unicodedata.category(letter)
        if category == "So":
            letter = f" {letter} "
        elif not (letter.isalnum() or letter in "'@$" or category in ("Mn", "Mc")):
            letter = " "
        if len(self) < self.MOST:
            self[code] = letter
        return letter


_KEPT = _Kept()


# The safety patterns, the dictionary and the classifier ask for the same message one after the other.
@lru_cache(maxsize=4)
def plain(text: str) -> str:
    """Return a text in one spelling: small letters, single spaces, no quotes or punctuation.

    Emoji stay, each as a word of its own: an angry face says something.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    text = unicodedata.normalize("NFKC", text).casefold().translate(_KEPT)
    return " ".join(_REPEATED.sub(r"\1", text).replace("'", "").split())


@lru_cache(maxsize=4)
def latin(text: str) -> str:
    """Return a plain text in loose Latin letters, in which кричит, krichit and kri4it are the same."""
    if not text.isascii():
        text = text.translate(_LETTERS)
    if "4" in text:
        text = _CHE.sub("ch", text)
    if _DIGIT.search(text):
        text = _MIXED.sub(lambda match: match[0].translate(_DIGITS), text)
    return _SOUNDS.sub(lambda match: _SPELLED[match[0]], text)
