"""Texts as sparse vectors: hashed character n-grams and words, counted in a handful of array operations.

The hash is our own and plain arithmetic, so that a model made on one machine is right on every other.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from chatbot.recognition.normalise import latin, plain

Indices: TypeAlias = npt.NDArray[np.int64]
Weights: TypeAlias = npt.NDArray[np.float32]
_Hashes: TypeAlias = npt.NDArray[np.uint32]

#: Number of columns; a power of two.
BITS = 17
COLUMNS = 1 << BITS
#: Lengths of the character n-grams; the spaces round a word count as characters. Shorter ones only cost time.
SHORTEST_GRAM, LONGEST_GRAM = 3, 5
#: How much of a word counts when it is paired with a neighbour: what follows is mostly grammar.
HEAD = 4
#: Only so many characters are looked at, from both ends: any text is answered in bounded time.
LONGEST = 1_200

_MULTIPLIER = np.uint32(2654435761)
_STEP = np.uint32(16777619)
#: What a letter of a word is multiplied with, by its place.
_FACTORS = _MULTIPLIER + np.arange(LONGEST + 3, dtype=np.uint32) * np.uint32(40503)


def columns(text: str) -> tuple[Indices, Weights]:
    """Return the columns that a text has and their weights: 1 + log of how often, before any scaling."""
    codes = _codes(text)
    if codes.size <= 2:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    spaces = codes == 32
    grams, inside = zip(*_grams(codes, spaces), strict=True)
    words, pairs = _words(codes, spaces)
    hashes = np.concatenate((np.concatenate(grams)[np.concatenate(inside)], words, pairs))
    found, counts = np.unique(_column(hashes), return_counts=True)
    return found, (1 + np.log(counts)).astype(np.float32)


def spelled(text: str) -> Iterator[tuple[str, int]]:
    """Yield each n-gram, word and pair of word beginnings with its column: `columns` for people to read."""
    codes = _codes(text)
    if codes.size <= 2:
        return
    spaces = codes == 32
    letters = "".join(map(chr, codes))
    for length, (grams, inside) in enumerate(_grams(codes, spaces), SHORTEST_GRAM):
        for place, column in zip(np.flatnonzero(inside), _column(grams[inside]), strict=True):
            yield letters[place : place + length], int(column)
    words, pairs = _words(codes, spaces)
    names = letters.split()
    yield from ((f"[{name}]", int(column)) for name, column in zip(names, _column(words), strict=True))
    heads = [name[:HEAD] for name in names]
    named = [f"[{a} {b}]" for a, b in pairwise(heads)]
    named += [f"[{a} … {b}]" for a, b in zip(heads, heads[2:], strict=False)]
    yield from ((name, int(column)) for name, column in zip(named, _column(pairs), strict=True))


def _codes(text: str) -> _Hashes:
    """Return the code points of a text in loose Latin letters, with a space before and after."""
    text = latin(plain(text))
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2].rstrip()} {text[-LONGEST // 2 :].lstrip()}"
    return np.frombuffer(f" {text} ".encode("utf-32-le"), np.uint32)


def _grams(codes: _Hashes, spaces: npt.NDArray[np.bool_]) -> Iterator[tuple[_Hashes, npt.NDArray[np.bool_]]]:
    """Yield, for each length, the hash at every place and whether that n-gram stays in one word."""
    grams = codes * _STEP
    inside = np.ones(codes.size, bool)
    for length in range(2, LONGEST_GRAM + 1):
        if length > codes.size:
            return
        grams = (grams[:-1] ^ codes[length - 1 :]) * _STEP
        # It may begin or end with the space beside a word but not reach over one into the next.
        inside = inside[:-1] & (~spaces[length - 2 : -1] if length > 2 else True)
        if length >= SHORTEST_GRAM:
            yield grams + np.uint32(length), inside


def _words(codes: _Hashes, spaces: npt.NDArray[np.bool_]) -> tuple[_Hashes, _Hashes]:
    """Return a hash for each word, and for the beginnings of each two that are neighbours or have one between them."""
    starts = np.flatnonzero(spaces[:-1]) + 1
    begin = np.zeros(codes.size, np.uint32)
    begin[starts] = starts
    place = np.arange(codes.size, dtype=np.uint32) - np.maximum.accumulate(begin)
    mixed = codes * _FACTORS[place]
    mixed ^= mixed >> np.uint32(13)
    mixed *= _STEP
    mixed[spaces] = 0
    words = np.add.reduceat(mixed, starts, dtype=np.uint32)
    mixed[place >= HEAD] = 0
    heads = np.add.reduceat(mixed, starts, dtype=np.uint32)
    near, far = heads[:-1] * _STEP ^ heads[1:], heads[:-2] * _MULTIPLIER ^ heads[2:]
    return words, np.concatenate((near, far))


def _column(hashes: _Hashes) -> Indices:
    mixed = (hashes ^ (hashes >> np.uint32(15))) * _MULTIPLIER
    return (mixed >> np.uint32(32 - BITS)).astype(np.int64)
