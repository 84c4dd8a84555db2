"""The content linter: what a careful editor would mark, beyond what stops the program from starting.

Each rule is a generator of problems over the whole guidance; `steady check` runs them all and prints what they found.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from chatbot.errors import Problem
from chatbot.guidance import Guidance, Topic, fold
from chatbot.model import Language
from chatbot.strings import Strings

#: Letters that have no place in a language's texts.
_FOREIGN = {
    Language.EN: re.compile(r"[Ѐ-ӿႠ-ჿᲐ-Ჿ]+"),
    Language.DE: re.compile(r"[Ѐ-ӿႠ-ჿᲐ-Ჿ]+"),
    Language.RU: re.compile(r"[A-Za-zႠ-ჿᲐ-Ჿ]+"),
    Language.KA: re.compile(r"[A-Za-zЀ-ӿᲐ-Ჿ]+"),
}
#: Names, time zones and codes of countries.
_NAMES_IN_LATIN = frozenset(
    {"Steady", "Slack", "Teams", "Europe", "Moscow", "Asia", "Almaty", "Tbilisi", "RU", "GE", "DE", "BY"}
)

#: Words that address a person familiarly.
_FAMILIAR = {
    Language.EN: None,
    Language.DE: re.compile(r"\b(du|dich|dir|dein(e[mnrs]?)?|euch|eure?[mnrs]?)\b", re.IGNORECASE),
    Language.RU: re.compile(r"\b(ты|тебя|тебе|тобой|тво(й|я|ё|е|и|его|ей|ему|их|им|ими|ём|ем|ю))\b", re.IGNORECASE),
    Language.KA: re.compile(r"(?<![ა-ჰ])(შენ|შენი|შენს|შენთვის|შენთან|შენგან|შენზე|შენმა|შენით)(?![ა-ჰ])"),
}
_RUSSIAN_CAPITAL_YOU = re.compile(r"(?<=[^.!?:»–] )(Вы|Вас|Вам|Вами|Ваш(а|е|и|его|ей|ему|у|им|ими|их)?)\b")

#: Marks that belong to a typewriter or to another language.
_WRONG_MARKS = {
    Language.EN: re.compile(r"[\"'„«»`*_]"),
    Language.DE: re.compile(r"[\"'«»”`*_]"),
    Language.RU: re.compile(r"[\"'„“”`*_]"),
    Language.KA: re.compile(r"[\"'«»”`*_]"),
}
_SPACING = re.compile(r"  | [,.;:!?]| - |--|\.\.\.")
_EMOJI = re.compile(r"[\U0001F000-\U0001FAFF☀-➿]")

#: How many words in a row may not equal a source guide's.
LONGEST_QUOTATION = 7
_WORDS = re.compile(r"[^\W\d_]+")


def texts_of(topic: Topic, language: Language) -> Iterator[tuple[str, str]]:
    """Yield every text of a topic in a language, with the section it stands in."""
    text = topic.texts[language]
    yield "title", text.title
    yield "lead", text.lead
    yield from (("steps", step) for step in text.steps)
    yield from (("say", saying.text) for saying in text.say)
    for name, items in text.sections.items():
        yield from ((name, item) for item in items)


def _everything(guidance: Guidance) -> Iterator[tuple[str, str, Language, str]]:
    """Yield every text of the guidance: its file, its place, its language, itself."""
    for topic in guidance.topics.values():
        for language in Language:
            for section, text in texts_of(topic, language):
                yield f"topics/{topic.id}.md", f"{language}.{section}", language, text
    for name, escalation in guidance.escalations.items():
        for language in Language:
            for text in (escalation.title[language], escalation.lead[language], *escalation.steps[language]):
                yield "safety.toml", f"{name}.{language}", language, text
    for name, question in guidance.finder.items():
        for language in Language:
            for text in (question.text[language], *(answer.text[language] for answer in question.answers)):
                yield "finder.toml", f"{name}.{language}", language, text
    for page in guidance.pages:
        for language in Language:
            yield "menu.toml", f"{page.id}.{language}", language, page.title[language]


#: What is wrong with a text, and the piece of it that is.
Slip = tuple[Literal["letters", "familiar", "capital", "marks", "spacing", "emoji"], str]
_SAID = {
    "letters": "has letters that are not of this language",
    "familiar": "is familiar; use the polite form",
    "capital": "needs a small letter here",
    "marks": "is not a mark of this language",
    "spacing": "is wrong spacing or punctuation",
    "emoji": "is an emoji, which a screen reader would spell out",
}


def slips(language: Language, text: str) -> Iterator[Slip]:
    """Yield what is in the wrong script, tone, quotation marks or spacing in one text."""
    for match in _FOREIGN[language].finditer(text):
        if match[0] not in _NAMES_IN_LATIN:
            yield "letters", match[0]
    familiar = _FAMILIAR[language]
    if familiar and (match_ := familiar.search(text)):
        yield "familiar", match_[0]
    if language is Language.RU and (match_ := _RUSSIAN_CAPITAL_YOU.search(text)):
        yield "capital", match_[0]
    if match_ := _WRONG_MARKS[language].search(text):
        yield "marks", match_[0]
    if match_ := _SPACING.search(text):
        yield "spacing", match_[0]
    if match_ := _EMOJI.search(text):
        yield "emoji", match_[0]


def check_style(guidance: Guidance) -> Iterable[Problem]:
    """Yield texts in the wrong script, tone, quotation marks or spacing."""
    for file, where, language, text in _everything(guidance):
        for rule, piece in slips(language, text):
            yield Problem(file, where, f"{piece!r} {_SAID[rule]}: {text[:50]!r}")


def check_aliases(guidance: Guidance, command_words: frozenset[str]) -> Iterable[Problem]:
    """Yield aliases that a command would catch before the topic is looked for, and repeated ones."""
    for topic in guidance.topics.values():
        for language, aliases in topic.aliases.items():
            folded = [fold(alias) for alias in aliases]
            for alias in sorted({alias for alias in folded if folded.count(alias) > 1}):
                yield Problem(f"topics/{topic.id}.md", f"aliases.{language}", f"{alias!r} stands there twice")
            for alias in folded:
                if alias in command_words and topic.id != "calm":
                    yield Problem(f"topics/{topic.id}.md", f"aliases.{language}", f"{alias!r} is a command")


def check_quotations(guidance: Guidance, guides: Path) -> Iterable[Problem]:
    """Yield runs of eight words or more that a text shares with a guide in the folder `guides` (*.txt)."""
    length = LONGEST_QUOTATION + 1
    files = sorted(guides.glob("*.txt"))
    if not files:
        yield Problem(str(guides), "folder", "holds no guide (*.txt) to compare with")
    runs: dict[tuple[str, ...], str] = {}
    for path in files:
        words = _WORDS.findall(path.read_text(encoding="utf-8").casefold())
        for start in range(len(words) - LONGEST_QUOTATION):
            runs.setdefault(tuple(words[start : start + length]), path.name)
    for file, where, _, text in _everything(guidance):
        words = _WORDS.findall(text.casefold())
        for start in range(len(words) - LONGEST_QUOTATION):
            run = tuple(words[start : start + length])
            if run in runs:
                yield Problem(file, where, f"equals {runs[run]} in {length} words or more: {' '.join(run)!r}")
                break


Lookup = Callable[[str], bool]


def check_spelling(guidance: Guidance, lookups: dict[Language, Lookup], allowed: Path) -> Iterable[Problem]:
    """Yield words that neither a dictionary nor the list of exceptions (`allowed`/<language>.txt) knows."""
    known: dict[tuple[Language, str], bool] = {}
    for language in lookups:
        path = allowed / f"{language}.txt"
        for word in path.read_text(encoding="utf-8").split() if path.exists() else ():
            known[language, word.casefold()] = True
    for file, where, language, text in _everything(guidance):
        if language not in lookups:
            continue
        for word in re.findall(r"[^\W\d_]+(?:[’-][^\W\d_]+)*", text):
            key = (language, word.casefold())
            if key not in known:
                parts = [word, *([] if "’" in word else word.split("-"))]
                spelled = word.replace("’", "'")
                known[key] = lookups[language](spelled) or (
                    len(parts) > 2 and all(lookups[language](part) for part in parts[1:])
                )
            if not known[key]:
                yield Problem(file, where, f"{word!r} is not in the dictionary: {text[:50]!r}")


def check_strings(strings: Strings) -> Iterable[Problem]:
    """Yield sentences of strings.toml in the wrong script or tone."""
    for key in sorted(strings.keys):
        for language in Language:
            text = strings.source(key, language)
            bare = re.sub(r"\{\{.*?\}\}|/[a-z]+", "", text)
            for match in _FOREIGN[language].finditer(bare):
                if match[0] not in _TECHNICAL and not key.startswith("commands."):
                    yield Problem(
                        "strings.toml", f"{key}.{language}", f"{match[0]!r} is not of this language: {text!r}"
                    )
            familiar = _FAMILIAR[language]
            if familiar and (match_ := familiar.search(bare)):
                yield Problem("strings.toml", f"{key}.{language}", f"{match_[0]!r} is familiar: {text!r}")


#: What stands in Latin letters in every language, in the sentences about the program itself.
_TECHNICAL = _NAMES_IN_LATIN | {
    "Web",
    "API",
    "JSON",
    "KB",
    "Bot",
    "Framework",
    "HTTP",
    "Microsoft",
    "ID",
    "Block",
    "Kit",
    "UTC",
    "ADMINS",
}


def coverage(guidance: Guidance) -> Sequence[str]:
    """Return the closing table: how many points and topics, and how many texts each language has."""
    covered = {point for topic in guidance.topics.values() for point in topic.sources}
    carriers = {topic_id for topics in guidance.points.values() for topic_id in topics}
    lines = [
        f"{len(covered & guidance.points.keys())}/{len(guidance.points)} points, "
        f"{len(carriers & guidance.topics.keys())}/{len(carriers)} topics × {len(Language)} languages"
    ]
    lines.append(f"{'':10}{'texts':>8}{'phrases':>9}{'tips':>6}{'aliases':>9}{'characters':>12}")
    for language in Language:
        texts = [text for topic in guidance.topics.values() for _, text in texts_of(topic, language)]
        of = [topic.texts[language] for topic in guidance.topics.values()]
        lines.append(
            f"{language:10}{len(texts):8}{sum(len(t.say) for t in of):9}{sum(len(t.section('tips')) for t in of):6}"
            f"{sum(len(topic.aliases[language]) for topic in guidance.topics.values()):9}{sum(map(len, texts)):12}"
        )
    return lines
