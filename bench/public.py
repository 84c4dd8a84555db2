"""The recogniser on a public data set: `python -m bench.public DATA` (make eval-public DATA=…).

DATA is data_full.json of clinc/oos-eval (150 intents, English, with out-of-scope messages), which whoever runs this
fetches; it is not part of this repository. The same features, classifier and nearest phrases are trained on its
train split; how far an intent must lie above the background is chosen on its validation split.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from bench.evaluate import interval
from chatbot.model import Language
from chatbot.recognition.model import BACKGROUND, Model
from chatbot.recognition.training import Line, train

#: Larson et al. 2019, table 2, "Full": in-scope accuracy and out-of-scope recall on the test split.
PUBLISHED = {
    "SVM, out-of-scope as a class": (91.0, 14.5),
    "MLP, out-of-scope as a class": (93.5, 47.4),
    "BERT, out-of-scope as a class": (96.9, 40.3),
    "SVM, threshold": (88.2, 18.0),
    "MLP, threshold": (93.4, 49.1),
    "BERT, threshold": (96.2, 52.3),
}

Labelled = list[tuple[str, str]]


def main() -> int:
    """Train, choose the margin on the validation split, and print the test figures beside the published ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="data_full.json of clinc/oos-eval")
    data = json.loads(parser.parse_args().data.read_text(encoding="utf-8"))
    training: Labelled = [*map(tuple, data["train"]), *((text, BACKGROUND) for text, _ in data["oos_train"])]
    model = Model(train([Line(text, topic, Language.EN, n) for n, (text, topic) in enumerate(training)]))
    background = model.classes.index(BACKGROUND)

    def scored(split: str) -> tuple[np.ndarray, list[str]]:
        texts = [*data[split], *((text, BACKGROUND) for text, _ in data[f"oos_{split}"])]
        totals = np.array([model.scores(text).total for text, _ in texts])
        return totals, [topic for _, topic in texts]

    def outcome(totals: np.ndarray, truth: list[str], margin: float) -> tuple[int, int, int, int]:
        shifted = totals.copy()
        shifted[:, background] = -np.inf
        best = shifted.argmax(axis=1)
        top = shifted.max(axis=1)
        told = np.where(top > totals[:, background] + margin, best, background)
        right = np.array([model.classes[label] == topic for label, topic in zip(told, truth, strict=True)])
        outside = np.array([topic == BACKGROUND for topic in truth])
        return int(right[~outside].sum()), int((~outside).sum()), int(right[outside].sum()), int(outside.sum())

    totals, truth = scored("val")

    def both(margin: float) -> float:
        inside, inside_count, outside, outside_count = outcome(totals, truth, margin)
        return inside / inside_count + 0.5 * outside / outside_count

    totals_test, truth_test = scored("test")
    rows = [
        ("Steady, as a class", 0.0),
        ("Steady, margin from the validation split", max(np.arange(0, 1.5, 0.02), key=both)),
    ]
    print("| | in-scope accuracy | out-of-scope recall |\n| --- | ---: | ---: |")
    for name, margin in rows:
        inside, inside_count, outside, outside_count = outcome(totals_test, truth_test, margin)
        print(f"| {name} | {interval(inside, inside_count)} | {interval(outside, outside_count)} |")
    for name, (accuracy, recall) in PUBLISHED.items():
        print(f"| {name} (published) | {accuracy} | {recall} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
