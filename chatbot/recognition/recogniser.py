"""The decision: what a message is about, how sure that is, and what to do when it is not."""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

import numpy as np

from chatbot.guidance import fold
from chatbot.language import script_language
from chatbot.model import Language
from chatbot.recognition.additions import ADDED_LINE, AddedPhrase, Column, ExtendedModel, check, exact
from chatbot.recognition.answer import Recognition, customers_words
from chatbot.recognition.features import spelled
from chatbot.recognition.model import BACKGROUND, SAFETY, Floats, Model, Scores, load_model
from chatbot.recognition.normalise import latin, plain
from chatbot.recognition.safety import Pattern, SafetyPatterns, load_patterns
from chatbot.recognition.slips import Slips

MODEL_FILE = Path(__file__).parent / "model.npz"

# Chosen by `make eval` on the development set; docs/recognition.md shows the curves they were read from.
#: How far a topic's score must lie above the background's for its card to be shown.
ABOVE_BACKGROUND = 0.65
#: How far it must lie above the runner-up's; closer ones are offered as a choice.
ABOVE_NEXT = 0.10
#: How far below the background a topic may lie and still be offered beside the menu.
NEAR = -1.6
#: How far below the best a topic may lie and still be one of the two or three readings of a choice.
CLOSE = 0.8
#: How near the nearest phrase must be for a text in Latin letters to be taken for its language.
ALIKE = 0.1
#: Which phrases have a say in that: those at least this share as near as the nearest.
ALSO_ALIKE = 0.1
#: Safety is taken without a pattern if it scores this much above a share of what the best other class does. A share,
#: for what must count most is that it tells of danger at all, and less that it reads like nothing else.
ABOVE_FOR_SAFETY = 0.54
SHARE_OF_BEST = 0.6
#: How far above safety the best other class must lie to overrule a safety pattern. The emergency card is then offered.
OVERRULES_PATTERN = 0.0
#: How near safety a topic may lie and no card be shown without offering the emergency card beside it.
NEAR_SAFETY = 0.3
#: How far below the background safety must lie for a text to be kept as words that nobody understood. Of the
#: development set this leaves out all that tells of danger, and two thirds of what is harmless.
FAR_FROM_SAFETY = 0.3

#: Longer texts are no names.
LONGEST_NAME = 100
_PART = re.compile(r"[.!?;\n…]+|(?<=\w),\s(?=\w)")
_END = re.compile(r"[.!?;\n…,]")
#: A message of more words than this is judged by its parts as well.
LONG = 18
_WORD = re.compile(r"\S+")


class Recogniser:
    """Recognises names, danger, plain words and slips of the finger, in this order."""

    def __init__(self, model: Model, patterns: SafetyPatterns, names: Mapping[str, str]) -> None:
        self.model = model
        self.patterns = patterns
        self._built_in = model
        self._names = names
        self._slips: tuple[Slips, ...] = (Slips(names),)
        self._added: Sequence[AddedPhrase] = ()
        self._exact: Mapping[str, tuple[str, Language | None]] = {}
        # The model may know topics that this library has no more.
        self._number(frozenset(names.values()))

    def _number(self, known: frozenset[str]) -> None:
        self._labels: Mapping[str, int] = {name: number for number, name in enumerate(self.model.classes)}
        self._background = self._labels[BACKGROUND]
        self._safety = self._labels[SAFETY]
        self._topics = np.array([number for name, number in self._labels.items() if name in known])

    def with_phrases(
        self, phrases: Sequence[AddedPhrase], names: Mapping[str, str], columns: Sequence[Column] = ()
    ) -> "Recogniser":
        """Return a recogniser that knows a workspace's own phrases, names (name -> topic) and fitted columns too.

        They take the place of what was added before; the model beneath is shared. A phrase or name that is typed as it
        stands here gives its topic, unless it tells of danger. Takes some 0.2 ms a phrase: call it in a thread if there
        are many. Raises SteadyError if one is for no topic.
        """
        check(phrases, names)
        added = copy(self)
        added.model = ExtendedModel(self._built_in, phrases, columns) if phrases else self._built_in
        added._added = tuple(phrases)
        added._exact = exact(phrases, names)
        added._slips = (self._slips[0], Slips(names)) if names else self._slips[:1]
        added._number(frozenset((*self._names.values(), *names.values(), *(phrase.topic for phrase in phrases))))
        return added

    def refit(self, topic: str) -> Column:
        """Return the column of a topic fitted to its added phrases, for `with_phrases`.

        Takes about a second: call it in a thread. Raises SteadyError if the topic has no added phrase.
        """
        from chatbot.recognition.refit import refit  # the corpus's reader, which most processes never need

        return refit(self._built_in, topic, [phrase.text for phrase in self._added if phrase.topic == topic])

    def recognise(self, text: str) -> Recognition:
        """Return what a message is about."""
        added = self._exactly(text) if self._exact else None
        name = text.strip()
        named = self._names.get(fold(name.lstrip("/"))) if len(name) <= LONGEST_NAME else None
        if named and not added:
            return Recognition("topic", named, (named,), why="its name or alias")
        found = self._pattern(text)
        if found and not self._overruled(text):
            return _escalation(text, found)
        if added:
            topic, language = added
            language = script_language(text) or language
            return Recognition("topic", topic, (topic,), language=language, why="a phrase or name that a lead added")
        words = customers_words(text) or text
        if not plain(words):
            return Recognition("menu", why="no words")
        # In one word a slip is likelier than a new meaning; in more, what the classifier knows comes first.
        read = self._classify(words, doubtful=found is not None) if len(words.split()) > 1 else None
        if read is None or read.kind == "menu":
            meant = tuple(sorted({topic for slips in self._slips for topic in slips.find(words)}))
            if 0 < len(meant) <= 3:
                return Recognition("choice", choices=meant, language=script_language(words), why="one slip from a name")
        return read or self._classify(words, doubtful=found is not None)

    def _exactly(self, text: str) -> tuple[str, Language | None] | None:
        typed = plain(text)
        return self._exact.get(typed) or self._exact.get(latin(typed))

    def danger(self, text: str) -> Recognition | None:
        """Return the escalation that the safety patterns find in a text, unless the classifier overrules them."""
        found = self._pattern(text)
        return _escalation(text, found) if found and not self._overruled(text) else None

    def near_danger(self, text: str) -> bool:
        """Return whether a text comes anywhere near danger, even if it was not taken for it."""
        if self.patterns.touched_by(text):
            return True
        total = self._built_in.scores(text).total
        safety = float(total[self._built_in.classes.index(SAFETY)])
        return safety > float(total[self._background]) - FAR_FROM_SAFETY or safety >= float(total[self._topics].max())

    def _pattern(self, text: str) -> Pattern | None:
        return next(iter(self.patterns.matches(text)), None)

    def _overruled(self, text: str) -> bool:
        """Tell whether the classifier clearly reads something harmless in a text that a pattern matches."""
        # The built-in one: no phrase that a lead adds may hide danger.
        total = self._built_in.scores(text).total
        safety = self._built_in.classes.index(SAFETY)
        return float(total[safety]) < float(np.delete(total, safety).max()) - OVERRULES_PATTERN

    def _best_other(self, total: Floats) -> float:
        return max(float(total[self._topics].max()), float(total[self._background]))

    def _classify(self, text: str, *, doubtful: bool) -> Recognition:
        """Return what the classifier reads; if `doubtful`, for a pattern told of danger, a choice instead of a card."""
        whole = self.model.scores(text)
        scores = self._with_parts(whole, text)
        total = scores.total
        background, safety = float(total[self._background]), float(whole.total[self._safety])
        order = self._topics[np.argsort(-total[self._topics], kind="stable")[:3]]
        best, second = float(total[order[0]]), float(total[order[1]])
        spoken = script_language(text) or self._nearest_language(scores)
        figures = f"best {best:+.2f}, next {second:+.2f}, background {background:+.2f}, safety {safety:+.2f}"
        if safety > SHARE_OF_BEST * self._best_other(whole.total) + ABOVE_FOR_SAFETY:
            return Recognition("safety", language=spoken, why=f"the classifier's safety class ({figures})")
        names = tuple(self.model.classes[label] for label in order)
        if best < background + ABOVE_BACKGROUND:
            near = tuple(n for n, label in zip(names, order, strict=True) if total[label] > background + NEAR)
            return Recognition("menu", choices=near, language=spoken, why=f"too near the background ({figures})")
        if best < second + ABOVE_NEXT or best < safety + NEAR_SAFETY or doubtful:
            close = tuple(n for n, label in zip(names, order, strict=True) if total[label] > best - CLOSE)
            why = "too close to the next" if best < second + ABOVE_NEXT else "danger is not ruled out"
            return Recognition("choice", choices=close, language=spoken, why=f"{why} ({figures})")
        return Recognition("topic", names[0], names, language=spoken, why=f"recognised ({figures})")

    def scores(self, text: str) -> Scores:
        """Return the scores of a text; of a long one, the mean of the whole and its strongest parts."""
        return self._with_parts(self.model.scores(text), text)

    def _with_parts(self, whole: Scores, text: str) -> Scores:
        parts = _parts(text)
        if len(parts) < 2:
            return whole
        strongest = np.max([self.model.scores(part).total for part in parts], axis=0)
        strongest[self._background] = whole.total[self._background]
        return Scores((whole.total + strongest) / 2, whole.nearness, whole.phrases)

    def because(self, text: str, topic: str) -> str:
        """Return the words of a message that spoke most for a topic, in their order; "" if none did."""
        words = _WORD.findall(text)[:60]
        label = self._labels.get(topic)
        if label is None or not words:
            return ""
        weight = [self.model.contribution(word, label) for word in words]
        most = max(weight)
        if most <= 0:
            return ""
        chosen = sorted(sorted(range(len(words)), key=lambda n: -weight[n])[:3])
        kept = [n for n in chosen if weight[n] > 0.35 * most]
        pieces = [words[n] if n - 1 in kept or n == kept[0] else f"… {words[n]}" for n in kept]
        return " ".join(pieces).strip('.,;:!?"“”„«»')[:80]

    def explain(self, text: str, phrases: Mapping[tuple[Language, int], str]) -> list[str]:
        """Return how a text is understood, line by line, for the developer who wonders.

        `phrases` are the texts of the corpus by language and line; the model itself holds none.
        """
        answer = self.recognise(text)
        outcome = answer.topic or answer.escalation or ", ".join(answer.choices)
        lines = [
            f"recognised: {answer.kind} {outcome} ({answer.why})",
            f"normalised: {plain(text)}",
            f"in loose Latin: {latin(plain(text))}",
        ]
        if not plain(text):
            return lines
        scores = self.scores(text)
        best = int(self._topics[np.argmax(scores.total[self._topics])])
        for label in np.argsort(-scores.total)[:5]:
            nearness = scores.nearness[label]
            lines.append(f"  {scores.total[label]:+.2f}  {self.model.classes[label]} (nearest phrase {nearness:.2f})")
        lines.append(
            f"thresholds: card if {ABOVE_BACKGROUND:.2f} above {BACKGROUND} and {ABOVE_NEXT:.2f} above the next; "
            f"here {scores.total[best] - scores.total[self._background]:+.2f} and "
            f"{scores.total[best] - np.sort(scores.total[self._topics])[-2]:+.2f}"
        )
        lines.append(f"n-grams that speak most for and against {self.model.classes[best]}:")
        weights = {gram: self.model.weight(column, best) for gram, column in spelled(text)}
        ranked = sorted(weights.items(), key=lambda item: -abs(item[1]))[:12]
        lines.append("  " + "  ".join(f"{gram.replace(' ', '_')} {weight:+.2f}" for gram, weight in ranked))
        lines.append("nearest phrases:")
        for number in np.argsort(-scores.phrases)[:5]:
            language = Language(self.model.languages[self.model.phrase_language[number]])
            line = int(self.model.phrase_line[number])
            unknown = "(added by a lead)" if line == ADDED_LINE else "(a title, first line or alias)"
            shown = phrases.get((language, line), unknown)
            lines.append(f"  {scores.phrases[number]:.2f}  {self.model.class_of(int(number))} [{language}] {shown}")
        return lines

    def _nearest_language(self, scores: Scores) -> Language | None:
        """Return the language that the phrases nearest to a text are in."""
        top = float(scores.nearness.max())
        if top < ALIKE:
            return None
        nearest = np.flatnonzero(scores.phrases > ALSO_ALIKE * top)
        votes = np.bincount(self.model.phrase_language[nearest], scores.phrases[nearest], len(self.model.languages))
        return Language(self.model.languages[int(np.argmax(votes))])


def _escalation(text: str, found: Pattern) -> Recognition:
    return Recognition(
        "safety",
        escalation=found.escalation,
        language=script_language(text) or Language(found.language),
        why=f"a safety pattern of {found.escalation!r}",
    )


def _parts(text: str) -> list[str]:
    if len(text.split()) <= LONG or not _END.search(text):
        return []
    return [part for part in _PART.split(text[:4000]) if len(part.split()) >= 3][:12]


def load_recogniser(responses: Path, names: Mapping[str, str]) -> Recogniser:
    """Return the recogniser with the built-in model; `names` maps each folded name to its topic.

    Raises SteadyError if model or patterns can't be used.
    """
    return Recogniser(load_model(MODEL_FILE), load_patterns(responses), names)
