"""How well plain words are understood: `python -m bench.evaluate` (make eval).

Prints the figures of the development set and of the blind set per language with 95 % Wilson intervals. With `--choose`
it looks for the thresholds on the development set: the fewest unsure answers among those that keep wrong cards and
out-of-scope recall in bounds. On the blind set nothing is ever chosen.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.recognition import recogniser as decision
from chatbot.recognition.answer import Recognition
from chatbot.recognition.model import BACKGROUND, SAFETY
from chatbot.recognition.recogniser import Recogniser, load_recogniser

Floats = npt.NDArray[np.float64]
SETS = Path(__file__).parents[1] / "tests/corpus"


@dataclass(frozen=True)
class Example:
    """A message of a set to measure on: what is right, and what would be as right."""

    text: str
    language: str
    topic: str
    accepted: frozenset[str]


def read_development() -> list[Example]:
    """Read tests/corpus/dev.*.jsonl."""
    return _read("dev")


def read_blind() -> list[Example]:
    """Read tests/corpus/blind.*.jsonl."""
    return _read("blind")


def _read(name: str) -> list[Example]:
    examples = []
    for path in sorted(SETS.glob(f"{name}.*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            accepted = frozenset({entry["topic"], *entry["also"]})
            examples.append(Example(entry["text"], entry["lang"], entry["topic"], accepted))
    return examples


def interval(hits: int, count: int) -> str:
    """Return a share in percent with its 95 % Wilson interval."""
    if not count:
        return "–"
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{100 * share:5.1f} ({100 * (middle - half):.0f}–{100 * (middle + half):.0f})"


Count = Callable[[Example, Recognition], bool]


def table(examples: Sequence[Example], answers: Sequence[Recognition]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""

    def coaching(e: Example) -> bool:
        return e.topic not in (BACKGROUND, SAFETY)

    columns: list[tuple[str, Callable[[Example], bool], Count]] = [
        ("top-1", coaching, lambda e, a: bool(ranked(a)[:1]) and ranked(a)[0] in e.accepted),
        ("top-3", coaching, lambda e, a: bool(e.accepted & set(ranked(a)[:3]))),
        ("card shown", coaching, lambda _, a: a.kind == "topic"),
        ("wrong cards", lambda _: True, lambda e, a: a.kind == "topic" and a.topic not in e.accepted),
        ("out of scope", lambda e: e.topic == BACKGROUND, lambda _, a: a.kind == "menu"),
        ("safety", lambda e: e.topic == SAFETY, lambda _, a: a.kind == "safety"),
        ("or offered", lambda e: e.topic == SAFETY, lambda _, a: a.kind != "topic"),
        ("false safety", lambda e: e.topic != SAFETY, lambda _, a: a.kind == "safety"),
    ]
    lines = [
        "| | " + " | ".join(name for name, _, _ in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for language in ("en", "de", "ru", "ka", "all"):
        cells = []
        for _, counted, hit in columns:
            chosen = [
                (e, a) for e, a in zip(examples, answers, strict=True) if counted(e) and language in ("all", e.language)
            ]
            cells.append(interval(sum(hit(e, a) for e, a in chosen), len(chosen)))
        lines.append(f"| {language} | " + " | ".join(cells) + " |")
    return lines


def ranked(answer: Recognition) -> tuple[str, ...]:
    """Return the topics of an answer, best first."""
    return (answer.topic, *(c for c in answer.choices if c != answer.topic)) if answer.topic else answer.choices


@dataclass(frozen=True)
class Margins:
    """For each example that reached the decision: how far its best topic lies above background, next and safety."""

    background: Floats
    next: Floats
    safety: Floats
    right: npt.NDArray[np.bool_]
    coaching: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    count: int

    def at(self, above_background: float, above_next: float) -> tuple[float, float, float]:
        """Return the shares of wrong cards, out-of-scope messages left alone, and coaching messages with a card."""
        clear = self.background >= above_background
        shown = clear & (self.next >= above_next) & (self.safety >= decision.NEAR_SAFETY)
        return (
            float((shown & ~self.right).sum() / self.count),
            float((~clear[self.outside]).mean()),
            float(shown[self.coaching].mean()),
        )


def margins(recogniser: Recogniser, examples: Sequence[Example]) -> Margins:
    """Return the margins of all examples that the classifier decides."""
    labels = {name: number for number, name in enumerate(recogniser.model.classes)}
    topics = [number for name, number in labels.items() if name not in (BACKGROUND, SAFETY)]
    kept: list[tuple[float, float, float, Example, str]] = []
    for example in examples:
        if recogniser.recognise(example.text).kind == "safety":
            continue
        total = recogniser.scores(example.text).total
        first, second = sorted(topics, key=lambda n: -total[n])[:2]
        kept.append(
            (
                float(total[first] - total[labels[BACKGROUND]]),
                float(total[first] - total[second]),
                float(total[first] - total[labels[SAFETY]]),
                example,
                recogniser.model.classes[first],
            )
        )
    return Margins(
        np.array([k[0] for k in kept]),
        np.array([k[1] for k in kept]),
        np.array([k[2] for k in kept]),
        np.array([k[4] in k[3].accepted for k in kept]),
        np.array([k[3].topic not in (BACKGROUND, SAFETY) for k in kept]),
        np.array([k[3].topic == BACKGROUND for k in kept]),
        len(examples),
    )


def choose(found: Margins) -> None:
    """Print the thresholds with the most cards, of those with few wrong and nearly all out-of-scope left alone."""
    rows = []
    for above_background in np.arange(-0.2, 1.21, 0.05):
        for above_next in np.arange(0.0, 1.21, 0.05):
            wrong, alone, shown = found.at(above_background, above_next)
            rows.append((wrong <= 0.045 and alone >= 0.955, shown, above_background, above_next, wrong, alone))
    for row in sorted(rows, reverse=True)[:10]:
        print(
            "within {} shown {:.3f} above background {:.2f} above next {:.2f} wrong {:.3f} left alone {:.3f}".format(
                *row
            )
        )


def choose_safety(recogniser: Recogniser, examples: Sequence[Example]) -> None:
    """Print the safety thresholds with the best recall at no more than one false card in a hundred."""
    label = recogniser.model.classes.index(SAFETY)
    totals = np.array([recogniser.model.scores(example.text).total for example in examples])
    safety, other = totals[:, label], np.delete(totals, label, axis=1).max(axis=1)
    pattern = np.array([bool(recogniser.patterns.matches(example.text)) for example in examples])
    wanted = np.array([example.topic == SAFETY for example in examples])
    rows = []
    for share in np.arange(0.4, 1.01, 0.1):
        for above in np.arange(-0.3, 1.3, 0.01):
            for overrules in np.arange(-0.45, 1.2, 0.1):
                taken = (pattern & (safety >= other - overrules)) | (safety > share * other + above)
                recall, false = taken[wanted].mean(), taken[~wanted].mean()
                rows.append((false <= 0.01, recall, -false, share, above, overrules))
    for _, recall, false, share, above, overrules in sorted(rows, reverse=True)[:10]:
        print(
            f"safety recall {recall:.3f} false {-false:.3f} share of best {share:.1f} above {above:.2f} "
            f"pattern overruled at {overrules:.2f}"
        )


def curve(found: Margins) -> str:
    """Return an SVG of wrong cards, out-of-scope recall and cards shown over the threshold above the background."""
    xs = np.arange(-0.4, 1.21, 0.05)
    rows = np.array([found.at(x, decision.ABOVE_NEXT) for x in xs])
    names = ("wrong cards, of all", "out of scope left alone", "coaching messages with a card")
    dashes = ("", "8 5", "2 4")

    def place(x: float, share: float) -> str:
        return f"{60 + 420 * (x + 0.4) / 1.6:.1f},{280 - 240 * share:.1f}"

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 340" role="img"',
        'font-family="sans-serif" font-size="13">',
        "<title>What the threshold above the background costs and brings</title>",
        '<rect width="780" height="340" fill="#fff"/>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = 280 - 240 * share
        parts.append(
            f'<path d="M60 {y}H480" stroke="#ddd"/><text x="52" y="{y + 4}" text-anchor="end">{share:.0%}</text>'
        )
    parts += [
        f'<text x="{60 + 420 * (x + 0.4) / 1.6:.0f}" y="300" text-anchor="middle">{x:.1f}</text>'
        for x in (-0.4, 0.0, 0.4, 0.8, 1.2)
    ]
    for column, (name, dash) in enumerate(zip(names, dashes, strict=True)):
        points = " ".join(place(x, rows[n, column]) for n, x in enumerate(xs))
        stroke = f'fill="none" stroke="#11645c" stroke-width="2.5" stroke-dasharray="{dash}"'
        y = 60 + 26 * column
        parts.append(f'<polyline points="{points}" {stroke}/><path d="M500 {y}h36" {stroke}/>')
        parts.append(f'<text x="544" y="{y + 4}">{name}</text>')
    chosen = 60 + 420 * (decision.ABOVE_BACKGROUND + 0.4) / 1.6
    parts.append(f'<path d="M{chosen:.1f} 40V280" stroke="#333"/><text x="{chosen + 6:.1f}" y="34">chosen</text>')
    parts.append(
        '<text x="270" y="325" text-anchor="middle">how far above the background a topic must lie</text></svg>'
    )
    return "\n".join(parts) + "\n"


def main() -> int:
    """Print the tables, or the best thresholds if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", action="store_true", help="look for the thresholds")
    parser.add_argument("--curve", type=Path, help="write the curve the threshold was read from, as SVG")
    options = parser.parse_args()
    recogniser = load_recogniser(BUILT_IN_RESPONSES, load_guidance(BUILT_IN_RESPONSES).owners)
    examples = read_development()
    if options.choose:
        choose(margins(recogniser, examples))
        choose_safety(recogniser, examples)
        return 0
    if options.curve:
        options.curve.write_text(curve(margins(recogniser, examples)), encoding="utf-8")
    for name, chosen in (("development", examples), ("blind", read_blind())):
        print(f"On the {name} set, {len(chosen)} messages:\n")
        print("\n".join(table(chosen, [recogniser.recognise(e.text) for e in chosen])), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
