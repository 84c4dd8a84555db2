"""The compiled model: a linear classifier over hashed n-grams, joined with an index of all known phrases.

`training.py` makes the file; here it is read and asked. Weights are whole numbers from -127 to 127 with one scale
a class, the phrases an inverted index from column to phrase.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from chatbot.errors import SteadyError
from chatbot.recognition.features import COLUMNS, Indices, Weights, columns

#: A column that more phrases have than this says too little to stand in the index.
COMMON = 100
#: How much the nearest phrase counts beside the classifier's score. Chosen on the development set.
NEAREST = 1.5
#: The classes that are not topics.
BACKGROUND = "out-of-scope"
SAFETY = "safety"

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """What the model thinks of a text: a score for each class, and how near the nearest phrase of each is (0 to 1)."""

    total: Floats
    nearness: Doubles
    phrases: Doubles


class Model:
    """The arrays of the model file, and the two questions asked of them.

    Sums are taken in double precision: in single, their last digits would depend on the machine.
    """

    def __init__(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        self.classes: tuple[str, ...] = tuple(str(name) for name in arrays["classes"])
        self.idf: Floats = arrays["idf"].astype(np.float32)
        self._weights: npt.NDArray[np.int8] = arrays["weights"].astype(np.int8, copy=False)
        self._scale: Floats = arrays["scale"].astype(np.float32)
        self._bias: Floats = arrays["bias"].astype(np.float32)
        self._starts: npt.NDArray[np.int32] = arrays["starts"].astype(np.int32, copy=False)
        self._phrases: npt.NDArray[np.uint16] = arrays["phrases"].astype(np.uint16, copy=False)
        # Stored as differences, which wrap round and back; summed in place, for they are 5 MB.
        np.cumsum(self._phrases, dtype=np.uint16, out=self._phrases)
        self._values: npt.NDArray[np.uint8] = arrays["values"].astype(np.uint8, copy=False)
        #: The first phrase of each class; phrases stand in the order of the classes.
        self._first: npt.NDArray[np.int64] = arrays["first"].astype(np.int64)
        #: For each phrase, which line of which language's corpus it is (see `training.Line`).
        self.languages: tuple[str, ...] = tuple(str(tag) for tag in arrays["languages"])
        self.phrase_language: npt.NDArray[np.int8] = arrays["phrase_language"].astype(np.int8, copy=False)
        self.phrase_line: npt.NDArray[np.int32] = arrays["phrase_line"].astype(np.int32, copy=False)
        self.size = self.phrase_line.size

    def vector(self, text: str) -> tuple[Indices, Weights]:
        """Return the text as a sparse vector of length one."""
        found, weights = columns(text)
        weights *= self.idf[found]
        length = float(np.sqrt(np.square(weights, dtype=np.float64).sum()))
        return found, weights / np.float32(length) if length else weights

    def scores(self, text: str) -> Scores:
        """Return the scores of a text for every class."""
        return self.scores_of(*self.vector(text))

    def scores_of(self, found: Indices, weights: Weights) -> Scores:
        """Return the scores of a sparse vector for every class."""
        starts = self._starts[found].astype(np.int64)
        similar = similarities(
            starts, self._starts[found + 1] - starts, weights, self._phrases, self._values, self.size
        )
        nearness = np.maximum.reduceat(similar, self._first)
        return Scores((self.linear(found, weights) + NEAREST * nearness).astype(np.float32), nearness, similar)

    def linear(self, found: Indices, weights: Weights) -> Doubles:
        """Return the classifier's own score of a sparse vector for every class."""
        return (weights.astype(np.float64) @ self._weights[found]) * self._scale + self._bias

    def contribution(self, text: str, label: int) -> float:
        """Return how much a part of a text speaks for a class, before the bias."""
        found, weights = self.vector(text)
        return float((weights @ self._weights[found, label]) * self._scale[label]) if found.size else 0.0

    def class_of(self, phrase: int) -> str:
        """Return the class of a phrase of the index."""
        return self.classes[int(np.searchsorted(self._first, phrase, side="right")) - 1]

    def weight(self, column: int, label: int) -> float:
        """Return what one column adds to the score of a class, for a text of length one."""
        return float(self._weights[column, label] * self._scale[label] * self.idf[column])


def similarities(
    starts: Indices,
    counts: Indices,
    weights: Weights,
    phrases: npt.NDArray[np.integer],
    values: npt.NDArray[np.uint8],
    size: int,
) -> Doubles:
    """Return how alike a text is to each of `size` phrases, by an inverted index.

    Each of the text's columns has a weight, and in the index a stretch of phrases and of their values (0 to 255).
    """
    ends = np.cumsum(counts)
    places = np.repeat(starts - ends + counts, counts)
    places += np.arange(places.size)
    shares = np.repeat(weights / np.float32(255), counts)
    shares *= values[places]
    return np.bincount(phrases[places], shares, minlength=size).astype(np.float64, copy=False)


def load_model(path: Path) -> Model:
    """Read a model file and check it against the hash that lies beside it.

    Raises SteadyError if either is missing or they do not belong together.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        expected = path.with_suffix(".sha256").read_text(encoding="ascii").split()[0]
    except OSError as error:
        raise SteadyError(f"The recognition model can't be read ({error}). `make model` builds it.") from error
    if digest != expected:
        raise SteadyError(f"{path.name} is not the model that its .sha256 file describes. `make model` builds both.")
    with np.load(path, allow_pickle=False) as arrays:
        loaded = {name: arrays[name] for name in arrays.files}
    if loaded["idf"].size != COLUMNS:
        raise SteadyError(f"{path.name} was made by another version of Steady. `make model` builds it anew.")
    return Model(loaded)
