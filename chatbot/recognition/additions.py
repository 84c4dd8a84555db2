"""What a workspace's leads add to the recogniser: phrases, names, and columns fitted to them.

The built-in model is shared and never changed: what is added lies over it, and leaving it out takes it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.recognition.features import COLUMNS, Indices, Weights
from chatbot.recognition.model import (
    BACKGROUND,
    COMMON,
    NEAREST,
    SAFETY,
    Model,
    Scores,
    similarities,
)
from chatbot.recognition.normalise import latin, plain

#: `Model.phrase_line` of a phrase that stands in no file.
ADDED_LINE = -2
#: The score of a new topic as long as no column is fitted, and how much more its nearest phrase then counts. Chosen on
#: topics taken out of the corpus.
UNFITTED = -1.0
UNFITTED_NEAREST = 2.0


@dataclass(frozen=True, slots=True)
class AddedPhrase:
    """A phrase that agents may type, and the topic it asks for; the topic may be one that the model does not know."""

    text: str
    topic: str
    language: Language


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """What `refit` found out about a topic: weights to add to the built-in ones, or the only ones of a new topic."""

    topic: str
    weights: npt.NDArray[np.int8]
    scale: float
    bias: float


class ExtendedModel(Model):
    """A model with added phrases and columns lying over it; the arrays are those of the model beneath."""

    def __init__(self, base: Model, phrases: Sequence[AddedPhrase], columns: Sequence[Column]) -> None:
        self.__dict__.update(vars(base))
        self._base = base
        self.classes = (*base.classes, *sorted({phrase.topic for phrase in phrases} - {*base.classes}))
        labels = {name: label for label, name in enumerate(self.classes)}
        self._columns = {labels[c.topic]: c for c in columns if any(c.topic == phrase.topic for phrase in phrases)}
        fitted = [*self._columns.values()]
        self._fitted = [*self._columns]
        # Side by side, so that what a text needs of them lies together: a topic more costs next to nothing.
        self._weights_fitted = np.zeros((COLUMNS, len(fitted)), np.int8)
        for place, column in enumerate(fitted):
            self._weights_fitted[:, place] = column.weights
        self._scale_fitted = np.array([column.scale for column in fitted])
        self._bias_fitted = np.array([column.bias for column in fitted])
        self._unfitted = [label for label in range(len(base.classes), len(labels)) if label not in self._columns]
        self._label_of = np.array([labels[phrase.topic] for phrase in phrases], np.int64)
        tags = [self.languages.index(phrase.language) for phrase in phrases]
        self.phrase_language = np.concatenate((base.phrase_language, np.array(tags, np.int8)))
        self.phrase_line = np.concatenate((base.phrase_line, np.full(len(phrases), ADDED_LINE, np.int32)))
        self.size = base.size + len(phrases)
        self._index(phrases)

    def _index(self, phrases: Sequence[AddedPhrase]) -> None:
        # The built-in index leaves out what most phrases share; unless the same is left out here, any sentence with
        # the usual small words would be near an added phrase.
        telling = np.log((1 + self._base.size) / (1.5 + COMMON)) + 1
        vectors = [self.vector(phrase.text) for phrase in phrases]
        vectors = [(found[self.idf[found] > telling], weights[self.idf[found] > telling]) for found, weights in vectors]
        where = np.concatenate([np.empty(0, np.int64), *(found for found, _ in vectors)])
        values = np.concatenate([np.empty(0, np.float32), *(weights for _, weights in vectors)])
        order = np.argsort(where, kind="stable")
        present, starts = np.unique(where[order], return_index=True)
        # The last one is no column: what is sought beyond all others is found there, with no phrases.
        self._added_columns = np.append(present, COLUMNS)
        self._added_starts = np.concatenate((starts, [where.size, where.size]))
        self._added_phrases = np.repeat(np.arange(len(phrases)), [found.size for found, _ in vectors])[order]
        self._added_values = np.round(np.clip(values[order], 0, 1) * 255).astype(np.uint8)

    def scores_of(self, found: Indices, weights: Weights) -> Scores:
        """Return the scores of a sparse vector for every class, the new ones last."""
        below = self._base.scores_of(found, weights)
        new = len(self.classes) - len(self._base.classes)
        linear = np.concatenate((below.total - NEAREST * below.nearness, np.zeros(new)))
        nearness = np.concatenate((below.nearness, np.zeros(new)))
        place = np.searchsorted(self._added_columns, found)
        shared = self._added_columns[place] == found
        place = place[shared]
        starts = self._added_starts[place]
        similar = similarities(
            starts,
            self._added_starts[place + 1] - starts,
            weights[shared],
            self._added_phrases,
            self._added_values,
            self._label_of.size,
        )
        np.maximum.at(nearness, self._label_of, similar)
        linear[self._unfitted] = UNFITTED + UNFITTED_NEAREST * nearness[self._unfitted]
        if self._fitted:
            own = weights.astype(np.float64) @ self._weights_fitted[found]
            linear[self._fitted] += own * self._scale_fitted + self._bias_fitted
        total = (linear + NEAREST * nearness).astype(np.float32)
        return Scores(total, nearness, np.concatenate((below.phrases, similar)))

    def contribution(self, text: str, label: int) -> float:
        """Return how much a part of a text speaks for a class, before the bias."""
        beneath = self._base.contribution(text, label) if label < len(self._base.classes) else 0.0
        column = self._columns.get(label)
        if column is None:
            return beneath
        found, weights = self.vector(text)
        return beneath + float(weights.astype(np.float64) @ column.weights[found]) * column.scale

    def class_of(self, phrase: int) -> str:
        """Return the class of a phrase of the index."""
        if phrase < self._base.size:
            return self._base.class_of(phrase)
        return self.classes[int(self._label_of[phrase - self._base.size])]

    def weight(self, column: int, label: int) -> float:
        """Return what one column adds to the score of a class, for a text of length one."""
        beneath = self._base.weight(column, label) if label < len(self._base.classes) else 0.0
        own = self._columns.get(label)
        return beneath + (float(own.weights[column] * own.scale * self.idf[column]) if own else 0.0)


def exact(phrases: Sequence[AddedPhrase], names: Mapping[str, str]) -> dict[str, tuple[str, Language | None]]:
    """Return plain text -> topic and language for all that was added, in the letters typed and in loose Latin ones.

    Of two that read the same, the later wins, and a name wins over a phrase. What has no word in it is left out. The
    language of a name is not known.
    """
    typed: dict[str, tuple[str, Language | None]] = {plain(p.text): (p.topic, p.language) for p in phrases}
    typed |= {plain(name): (topic, None) for name, topic in names.items()}
    found = {latin(text): meant for text, meant in typed.items()} | typed
    found.pop("", None)
    return found


def check(phrases: Sequence[AddedPhrase], names: Mapping[str, str]) -> None:
    """Raise SteadyError if something is added to what is no topic."""
    for topic in {phrase.topic for phrase in phrases} | {*names.values()}:
        if topic in (BACKGROUND, SAFETY) or not topic:
            raise SteadyError(f"Phrases can't be added to {topic!r}: it is not a topic. Name the topic they ask for.")
