"""The compiled model: a linear classifier over hashed n-grams, joined with an index of all known phrases.

`training.py` makes the file; here it is read and asked. Weights are whole numbers from -127 to 127 with one scale
a class, the phrases an inverted index from column to phrase.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.errors import SteadyError
from chatbot.recognition.features import COLUMNS, Indices, Weights, columns

#: A column that more phrases have than this says too little to stand in the index.
COMMON = 250
#: How much the nearest phrase counts beside the classifier's score. Chosen on the development set.
NEAREST = 1.5
#: The classes that are not topics.
BACKGROUND = "out-of-scope"
SAFETY = "safety"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """What the model thinks of a text: a score for each class, and how near the nearest phrase of each is (0 to 1)."""

    total: Floats
    nearness: Floats
    phrases: npt.NDArray[np.float64]


class Model:
    """The arrays of the model file, and the two questions asked of them."""

    def __init__(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        self.classes: tuple[str, ...] = tuple(str(name) for name in arrays["classes"])
        self.idf: Floats = arrays["idf"].astype(np.float32)
        self._weights: npt.NDArray[np.int8] = arrays["weights"].astype(np.int8, copy=False)
        self._scale: Floats = arrays["scale"].astype(np.float32)
        self._bias: Floats = arrays["bias"].astype(np.float32)
        self._starts: npt.NDArray[np.int64] = arrays["starts"].astype(np.int64)
        self._phrases: npt.NDArray[np.uint16] = arrays["phrases"].astype(np.uint16, copy=False)
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
        weights = (weights * self.idf[found]).astype(np.float32)
        length = float(np.sqrt(weights @ weights))
        return found, weights / length if length else weights

    def scores(self, text: str) -> Scores:
        """Return the scores of a text for every class."""
        found, weights = self.vector(text)
        linear = (weights @ self._weights[found]) * self._scale + self._bias
        similar = self._similarities(found, weights)
        nearness = np.maximum.reduceat(similar, self._first).astype(np.float32)
        return Scores(linear.astype(np.float32) + NEAREST * nearness, nearness, similar)

    def _similarities(self, found: Indices, weights: Weights) -> npt.NDArray[np.float64]:
        starts = self._starts[found]
        counts = self._starts[found + 1] - starts
        ends = np.cumsum(counts)
        total = int(ends[-1]) if ends.size else 0
        places = np.repeat(starts - ends + counts, counts) + np.arange(total)
        shares = (np.repeat(weights / 255, counts) * self._values[places]).astype(np.float64)
        return np.bincount(self._phrases[places], shares, minlength=self.size).astype(np.float64, copy=False)

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


def load_model(path: Path) -> Model:
    """Read a model file and check it against the hash that lies beside it.

    Raises SteadyError if either is missing or they do not belong together.
    """
    try:
        content = path.read_bytes()
        expected = path.with_suffix(".sha256").read_text(encoding="ascii").split()[0]
    except OSError as error:
        raise SteadyError(f"The recognition model can't be read ({error}). `make model` builds it.") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise SteadyError(f"{path.name} is not the model that its .sha256 file describes. `make model` builds both.")
    with np.load(path, allow_pickle=False) as arrays:
        loaded = {name: arrays[name] for name in arrays.files}
    if loaded["idf"].size != COLUMNS:
        raise SteadyError(f"{path.name} was made by another version of Steady. `make model` builds it anew.")
    return Model(loaded)
