"""Fitting the column of one topic to phrases that were added at run time, in about a second and with numpy alone.

The same problem that `training.py` solves for all topics at once (squared hinge, held back by the square of the
weights), against a fixed sample of the corpus instead of all of it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.recognition.additions import Column
from chatbot.recognition.features import COLUMNS, Indices, Weights
from chatbot.recognition.model import Doubles, Model

#: How many lines of the corpus stand for all of it.
SAMPLE = 5_500
#: The time it takes is bounded by these: steps, and directions tried in each.
STEPS = 12
DIRECTIONS = 10
#: It ends when the slope is this much smaller than at the start.
FLAT = 0.003

_Vectors = Sequence[tuple[Indices, Weights]]


def refit(model: Model, topic: str, phrases: Sequence[str]) -> Column:
    """Return the column of a topic, fitted to its added phrases; the same for the same ones, whatever their order.

    A topic that `model` does not know gets weights of its own. One that it knows is moved towards the phrases, at a
    price for each line of the corpus that loses by it. Raises SteadyError if there is no phrase.
    """
    vectors = [vector for text in sorted({*phrases}) if (vector := model.vector(text))[0].size]
    if not vectors:
        raise SteadyError(f"Nothing was added to {topic!r} yet. Add a phrase first, then fit it.")
    added = len(vectors)
    known = model.classes.index(topic) if topic in model.classes else None
    if known is not None:
        vectors += [model.vector(text) for _, text in _corpus({topic})]
    wanted = len(vectors)
    others = [vector for name, vector in _sample(model) if name != topic]
    rows = _Rows([*vectors, *others])
    sides = np.where(np.arange(rows.count) < wanted, 1.0, -1.0)
    # As in training: a topic's phrases weigh together as much as those of the mean topic; a line of the sample, as
    # much as the lines it stands for.
    total, classes = model.size + added, len(model.classes) + (known is None)
    costs = np.where(sides > 0, total / (classes * wanted), (total - wanted) / len(others))
    margins = np.ones(rows.count)
    if known is not None:
        has = sides * np.array([model.linear(*vector)[known] for vector in (*vectors, *others)])
        margins = np.minimum(margins, has) - has
        margins[:added] = 1 - has[:added]
    weights, bias = _solve(rows, sides, costs, margins)
    # A few n-grams weigh far more than all others; cutting those off leaves finer steps for the rest.
    scale = max(float(np.quantile(np.abs(weights), 0.999)) / 127, 1e-9)
    whole = np.zeros(COLUMNS, np.int8)
    whole[rows.names] = np.clip(np.round(weights / scale), -127, 127).astype(np.int8)
    return Column(topic, whole, scale, bias)


def _corpus(topics: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield topic and text of the corpus, of some topics or of all."""
    for language in Language:
        with (BUILT_IN_RESPONSES / "phrases" / f"{language}.jsonl").open(encoding="utf-8") as file:
            for entry in map(json.loads, file):
                if topics is None or entry["topic"] in topics:
                    yield entry["topic"], entry["text"]


@lru_cache(maxsize=1)
def _sample(model: Model) -> list[tuple[str, tuple[Indices, Weights]]]:
    """Return topic and vector of lines spread evenly over the corpus; about 11 MB, kept for the next topic."""
    lines = list(_corpus())
    spread = [lines[place] for place in np.linspace(0, len(lines) - 1, min(SAMPLE, len(lines))).astype(int)]
    vectors = [(topic, model.vector(text)) for topic, text in spread]
    return [(topic, (found, weights)) for topic, (found, weights) in vectors if found.size]


class _Rows:
    """Sparse vectors one below the other; their columns are numbered anew, `names` says which they were."""

    def __init__(self, vectors: _Vectors) -> None:
        self.names, self._columns = np.unique(np.concatenate([found for found, _ in vectors]), return_inverse=True)
        self._values: Doubles = np.concatenate([weights for _, weights in vectors]).astype(np.float64)
        self._lengths = np.array([found.size for found, _ in vectors])
        self._set_starts()

    def _set_starts(self) -> None:
        self.count = self._lengths.size
        self._starts = np.cumsum(self._lengths) - self._lengths

    def only(self, chosen: npt.NDArray[np.bool_]) -> "_Rows":
        """Return the chosen rows."""
        part = object.__new__(_Rows)
        kept = np.repeat(chosen, self._lengths)
        part.names, part._columns, part._values = self.names, self._columns[kept], self._values[kept]
        part._lengths = self._lengths[chosen]
        part._set_starts()
        return part

    def times(self, weights: Doubles) -> Doubles:
        """Return the product of each row with weights for the columns."""
        if not self.count:
            return np.zeros(0)
        products: Doubles = np.add.reduceat(self._values * weights[self._columns], self._starts)
        return products

    def sum(self, shares: Doubles, power: int = 1) -> Doubles:
        """Return the sum of the rows, each taken so many times; of their squares if `power` is 2."""
        spread = self._values**power * np.repeat(shares, self._lengths)
        return np.bincount(self._columns, spread, minlength=self.names.size).astype(np.float64, copy=False)


def _solve(rows: _Rows, sides: Doubles, costs: Doubles, margins: Doubles) -> tuple[Doubles, float]:
    """Return weights and bias with the least of ½|weights, bias|² + Σ cost · max(0, margin - side · score)².

    Newton's method; each step is found by conjugate gradients, scaled by the diagonal. The bias is the last number.
    """
    at = np.zeros(rows.names.size + 1)
    scores = np.zeros(rows.count)
    first = 0.0
    for _ in range(STEPS):
        short = np.maximum(0, margins - sides * scores)
        active = short > 0
        part, cost = rows.only(active), 2 * costs[active]
        pulls = -cost * sides[active] * short[active]
        slope = at + np.append(part.sum(pulls), pulls.sum())
        first = first or _length(slope)
        if _length(slope) <= FLAT * first:
            break
        step = _newton(part, cost, slope)
        moved = rows.times(step[:-1]) + step[-1]
        least = 0.5 * (at * at).sum() + (costs * short**2).sum()
        share = 1.0
        while share > 1e-4:
            new, new_scores = at + share * step, scores + share * moved
            value = 0.5 * (new * new).sum() + (costs * np.maximum(0, margins - sides * new_scores) ** 2).sum()
            if value <= least + 1e-4 * share * (slope * step).sum():
                break
            share /= 2
        at, scores = new, new_scores
    return at[:-1], float(at[-1])


def _newton(part: _Rows, cost: Doubles, slope: Doubles) -> Doubles:
    """Return roughly the step that would end at the bottom, were the slope to go on as it begins."""
    scale = 1 + np.append(part.sum(cost, power=2), cost.sum())
    step, rest = np.zeros(slope.size), -slope
    direction = scaled = rest / scale
    before = (rest * scaled).sum()
    for _ in range(DIRECTIONS):
        pulls = cost * (part.times(direction[:-1]) + direction[-1])
        bent = direction + np.append(part.sum(pulls), pulls.sum())
        far = before / (direction * bent).sum()
        step = step + far * direction
        rest = rest - far * bent
        if _length(rest) <= 0.1 * _length(slope):
            break
        scaled = rest / scale
        now = (rest * scaled).sum()
        direction, before = scaled + now / before * direction, now
    return step


def _length(vector: Doubles) -> float:
    # Not by BLAS, whose threads would fight with the event loop for the processor.
    return float(np.sqrt(np.square(vector).sum()))
