"""Making the model from the corpus: `python -m chatbot.recognition.training` (make model).

Needs scikit-learn, which only the development extra brings. The same corpus always gives the same file.
"""

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.errors import ContentError, Problem, SteadyError
from chatbot.guidance import Guidance
from chatbot.model import Language
from chatbot.recognition.features import COLUMNS, columns
from chatbot.recognition.model import BACKGROUND, COMMON, SAFETY
from chatbot.recognition.normalise import latin, plain

MODEL = Path(__file__).parent / "model.npz"

#: How strongly the classifier is held back from learning phrases by heart. Chosen on the development set.
STRENGTH = 1.0
#: How much a line of danger counts. Every other class counts as a whole as much as the next, which would leave the
#: thousands of lines of danger a fifth of a vote each.
DANGER_COUNTS = 1.0
#: The index numbers its phrases in two bytes.
MOST_PHRASES = 1 << 16


class Line(NamedTuple):
    """One phrase of the corpus; `number` is its line in responses/phrases/<language>.jsonl, or -1 for a name."""

    text: str
    topic: str
    language: Language
    number: int


def read_corpus(folder: Path, topics: Iterable[str]) -> list[Line]:
    """Read responses/phrases/*.jsonl. Raises ContentError naming each line that is wrong."""
    known = {*topics, BACKGROUND, SAFETY}
    lines: list[Line] = []
    problems: list[Problem] = []
    for language in Language:
        path = folder / "phrases" / f"{language}.jsonl"
        seen: dict[str, int] = {}
        for number, source in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"line {number}"
            try:
                entry = json.loads(source)
                text, topic = entry["text"], entry["topic"]
            except (ValueError, KeyError, TypeError):
                problems.append(Problem(f"phrases/{path.name}", where, 'must be {"text": "…", "topic": "…"}'))
                continue
            if topic not in known:
                problems.append(Problem(f"phrases/{path.name}", where, f"there is no topic {topic!r}"))
            first = seen.setdefault(plain(text), number)
            if first != number:
                problems.append(Problem(f"phrases/{path.name}", where, f"repeats line {first}"))
            lines.append(Line(text, topic, language, number))
    if problems:
        raise ContentError(problems)
    return lines


def names(guidance: Guidance) -> Iterator[Line]:
    """Yield titles, first lines and aliases: they are phrases too."""
    for topic in guidance.topics.values():
        for language in Language:
            text = topic.texts[language]
            for name in (text.title, text.lead, *topic.aliases[language]):
                yield Line(name, topic.id, language, -1)


def train(lines: Sequence[Line]) -> dict[str, np.ndarray]:
    """Return the arrays of a model of these phrases."""
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    classes = sorted({line.topic for line in lines})
    # One spelling once a class: what differs in letters only would count double.
    unique = {(latin(plain(line.text)), line.topic): line for line in reversed(lines)}
    ordered = sorted(unique.values(), key=lambda line: (line.topic, line.language, line.number, line.text))
    if len(ordered) > MOST_PHRASES:
        raise SteadyError(
            f"The model numbers {MOST_PHRASES} phrases at most, and here are {len(ordered)}. Take some out."
        )
    labels = np.array([classes.index(line.topic) for line in ordered])
    vectors = [columns(line.text) for line in ordered]
    starts = np.r_[0, np.cumsum([found.size for found, _ in vectors])]
    matrix = csr_matrix(
        (np.concatenate([w for _, w in vectors]), np.concatenate([f for f, _ in vectors]), starts),
        shape=(len(ordered), COLUMNS),
    )
    frequency = np.bincount(matrix.indices, minlength=COLUMNS)
    idf = (np.log((1 + len(ordered)) / (1 + frequency)) + 1).astype(np.float16).astype(np.float32)
    matrix = matrix.multiply(idf).tocsr()
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    matrix = csr_matrix(matrix.multiply(1 / np.maximum(lengths, 1e-9)[:, None]), dtype=np.float32)

    sizes = np.bincount(labels)
    counts = {label: len(labels) / (len(sizes) * size) for label, size in enumerate(sizes)}
    if SAFETY in classes:
        counts[classes.index(SAFETY)] = DANGER_COUNTS
    fitted = LinearSVC(C=STRENGTH, class_weight=counts, random_state=0).fit(matrix, labels)
    # A few n-grams weigh far more than all others; cutting those off leaves finer steps for the rest.
    scale = np.quantile(np.abs(fitted.coef_), 0.999, axis=1) / 127
    # The index is asked for telling columns only; what most phrases share would fill it for nothing.
    by_column = matrix.multiply((frequency <= COMMON).astype(np.float32)).tocsc()
    by_column.eliminate_zeros()
    by_column.sort_indices()
    return {
        "classes": np.array(classes),
        "idf": idf.astype(np.float16),
        "weights": np.clip(np.round(fitted.coef_ / scale[:, None]), -127, 127).astype(np.int8).T.copy(),
        "scale": scale.astype(np.float32),
        "bias": fitted.intercept_.astype(np.float32),
        "starts": by_column.indptr.astype(np.int32),
        # Differences, and 32 steps instead of 256, pack a fifth smaller; the answers stay the same.
        "phrases": np.diff(by_column.indices.astype(np.uint16), prepend=np.uint16(0)),
        "values": np.round(np.round(np.clip(by_column.data, 0, 1) * 31) * (255 / 31)).astype(np.uint8),
        "first": np.searchsorted(labels, np.arange(len(classes))).astype(np.int32),
        "languages": np.array([str(language) for language in Language]),
        "phrase_language": np.array([list(Language).index(line.language) for line in ordered], np.int8),
        "phrase_line": np.array([line.number for line in ordered], np.int32),
    }


def write(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Write the model and its hash. The zip carries no times, so equal arrays give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".sha256").write_text(f"{digest}  {path.name}\n", encoding="ascii")


def corpus_hash(lines: Sequence[Line]) -> str:
    """Return a hash of what a model is made from, to tell whether it is still the corpus's."""
    text = "\n".join(f"{line.topic}\t{line.text}" for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Train on the built-in corpus and write the model file."""
    guidance = load_guidance(BUILT_IN_RESPONSES)
    lines = [*read_corpus(BUILT_IN_RESPONSES, guidance.topics), *names(guidance)]
    arrays = train(lines)
    arrays["corpus"] = np.array(corpus_hash(lines))
    write(arrays, MODEL)
    print(
        f"{MODEL.name}: {len(arrays['classes'])} classes, {arrays['phrase_line'].size} phrases, "
        f"{MODEL.stat().st_size / 1e6:.1f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
