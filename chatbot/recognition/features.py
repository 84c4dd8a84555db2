"""Texts as sparse vectors: hashed character n-grams and words, counted in a handful of array operations.

The hash is our own and plain arithmetic, so that a model made on one machine is right on every other.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from chatbot.recognition.normalise import latin, plain

Indices: TypeAlias = npt.NDArray[np.int64]
Weights: TypeAlias = npt.NDArray[np.float32]

#: Number of columns; a power of two.
BITS = 17
COLUMNS = 1 << BITS
#: Lengths of the character n-grams; the spaces round a word count as characters.
GRAMS = (2, 3, 4, 5)
#: Only so many characters are looked at, from both ends: any text is answered in bounded time.
LONGEST = 1_200

_MULTIPLIER = np.uint32(2654435761)
_STEP = np.uint32(16777619)


def columns(text: str) -> tuple[Indices, Weights]:
    """Return the columns that a text has and their weights: 1 + log of how often, before any scaling."""
    return columns_of_latin(latin(plain(text)))


def columns_of_latin(text: str) -> tuple[Indices, Weights]:
    """Return the columns of a text that is in loose Latin letters already."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    if not text:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    codes = np.frombuffer(f" {text} ".encode("utf-32-le"), np.uint32)
    spaces = codes == 32
    found = []
    whole = np.ones(codes.size, bool)
    gram = codes * _STEP
    for length in range(2, GRAMS[-1] + 1):
        gram = (gram[:-1] ^ codes[length - 1 :]) * _STEP
        # An n-gram may begin or end with a space but not reach over one into the next word.
        whole = whole[:-1] & (~spaces[length - 2 : -1] if length > 2 else True)
        found.append((gram + np.uint32(length))[whole])
    found.append(_words(codes, spaces))
    hashed = np.concatenate(found)
    hashed ^= hashed >> np.uint32(15)
    hashed *= _MULTIPLIER
    indices, counts = np.unique((hashed >> np.uint32(32 - BITS)).astype(np.int64), return_counts=True)
    return indices, (1 + np.log(counts)).astype(np.float32)


def _words(codes: npt.NDArray[np.uint32], spaces: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    """Return a hash for each word and for each pair of neighbours."""
    starts = np.flatnonzero(spaces[:-1]) + 1
    place = np.arange(codes.size, dtype=np.uint32) - np.repeat(
        np.r_[0, starts].astype(np.uint32), np.diff(np.r_[0, starts, codes.size])
    )
    mixed = codes * (_MULTIPLIER + place * np.uint32(40503))
    mixed ^= mixed >> np.uint32(13)
    mixed *= _STEP
    mixed[spaces] = 0
    words = np.add.reduceat(mixed, starts, dtype=np.uint32)
    return np.concatenate((words, words[:-1] * _STEP ^ words[1:]))
