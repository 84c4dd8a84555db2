"""How well plain words are understood: `python -m bench.evaluate` (make eval).

Prints the figures of the development set per language with 95 % Wilson intervals. With `--choose` it also looks
for the thresholds: the fewest unsure answers among those that keep wrong cards and out-of-scope recall in bounds.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.recognition import recogniser as decision
from chatbot.recognition.model import BACKGROUND, SAFETY
from chatbot.recognition.recogniser import Recogniser, Recognition, load_recogniser

DEVELOPMENT = Path(__file__).parents[1] / "tests/corpus"


@dataclass(frozen=True)
class Example:
    """A message of the development set: what is right, and what would be as right."""

    text: str
    language: str
    topic: str
    accepted: frozenset[str]


def read_development() -> list[Example]:
    """Read tests/corpus/dev.*.jsonl."""
    examples = []
    for path in sorted(DEVELOPMENT.glob("dev.*.jsonl")):
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


def choose(recogniser: Recogniser, examples: Sequence[Example]) -> None:
    """Print the thresholds that keep wrong cards under 5 % and out-of-scope recall over 95 %, surest first."""
    found = []
    for above_background in np.arange(-0.2, 1.01, 0.05):
        for above_next in np.arange(0.0, 1.21, 0.05):
            decision.ABOVE_BACKGROUND, decision.ABOVE_NEXT = float(above_background), float(above_next)
            answers = [recogniser.recognise(e.text) for e in examples]
            wrong = np.mean(
                [a.kind == "topic" and a.topic not in e.accepted for e, a in zip(examples, answers, strict=True)]
            )
            abstained = np.mean(
                [a.kind == "menu" for e, a in zip(examples, answers, strict=True) if e.topic == BACKGROUND]
            )
            shown = np.mean(
                [
                    a.kind == "topic"
                    for e, a in zip(examples, answers, strict=True)
                    if e.topic not in (BACKGROUND, SAFETY)
                ]
            )
            found.append((wrong <= 0.05 and abstained >= 0.95, shown, above_background, above_next, wrong, abstained))
    for row in sorted(found, reverse=True)[:10]:
        print("ok {} shown {:.3f} background {:.2f} next {:.2f} wrong {:.3f} abstained {:.3f}".format(*row))


def main() -> int:
    """Print the table, and the best thresholds if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", action="store_true", help="look for the thresholds")
    options = parser.parse_args()
    recogniser = load_recogniser(BUILT_IN_RESPONSES, load_guidance(BUILT_IN_RESPONSES).owners)
    examples = read_development()
    if options.choose:
        choose(recogniser, examples)
        return 0
    print("\n".join(table(examples, [recogniser.recognise(e.text) for e in examples])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
