"""How long it takes to understand a message, and what the model costs: `python -m bench.recognition`."""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.model import Language
from chatbot.recognition.additions import AddedPhrase
from chatbot.recognition.recogniser import Recogniser, load_recogniser

_CORPUS = Path(__file__).parents[1] / "tests/corpus"
#: What is typed, by kind; free text ends in a number so that no two are the same.
TYPED: dict[str, Sequence[str]] = {
    "names": ("calm", "/calm", "whiner", "archetype/whiner", "Nörgler", "пауза"),
    "aliases": ("need a minute", "Luft holen", "не принимать близко", "angry customer"),
    "free text, 5 words": ("she keeps shouting at me", "клиент всё время орёт матом"),
    "free text, 20 words": (
        "she keeps shouting at me and i really do not know what to say to her any more about it",
        "клиент уже полчаса орёт на меня из за доставки и я правда не знаю что ему ещё на это ответить",
        "der kunde schreit mich seit zehn minuten an und ich weiß wirklich nicht mehr was ich ihm noch sagen soll",
    ),
    "free text, 200 words": (
        " ".join(["she keeps shouting at me and i really do not know what to say to her any more about it."] * 10),
    ),
}
ROUNDS = 400

_MEMORY = """
import psutil, sys, time
from chatbot.content import BUILT_IN_RESPONSES, load_guidance
guidance = load_guidance(BUILT_IN_RESPONSES)
began = time.perf_counter()
if sys.argv[1] == "with":
    from chatbot.recognition.recogniser import load_recogniser
    load_recogniser(BUILT_IN_RESPONSES, guidance.owners).recognise("she keeps shouting at me")
print(time.perf_counter() - began, psutil.Process().memory_info().rss)
"""


def _alone(what: str) -> tuple[float, float]:
    """Return the seconds and the megabytes that a fresh process needs with or without the model."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", _MEMORY, what], capture_output=True, text=True, check=True
    )
    seconds, memory = ran.stdout.split()
    return float(seconds), float(memory) / 1e6


def _typed(recogniser: Recogniser, texts: Sequence[str], rounds: int, *, numbered: bool) -> tuple[float, float]:
    """Return the median and the 99th percentile of `recognise`, in microseconds."""
    times = []
    for number in range(rounds):
        text = texts[number % len(texts)]
        if numbered:
            text = f"{text} {number}"
        gc.disable()
        began = time.perf_counter_ns()
        recogniser.recognise(text)
        times.append((time.perf_counter_ns() - began) / 1000)
        gc.enable()
    times.sort()
    return median(times), times[int(0.99 * len(times))]


def _development(language: Language) -> list[str]:
    lines = (_CORPUS / f"dev.{language}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def _additions(recogniser: Recogniser) -> list[str]:
    """Return what ten topics of a workspace's own, of 120 phrases each, cost."""
    phrases = [
        AddedPhrase(text, f"own/{number % 10}", language)
        for language in Language
        for number, text in enumerate(_development(language)[:200] + [f"{t} x" for t in _development(language)[:100]])
    ]
    began = time.perf_counter()
    extended = recogniser.with_phrases(phrases, {})
    laid_over = time.perf_counter() - began
    columns, seconds = [], []
    for number in range(10):
        began = time.perf_counter()
        columns.append(extended.refit(f"own/{number}"))
        seconds.append(time.perf_counter() - began)
    fitted = recogniser.with_phrases(phrases, {}, columns)
    texts = TYPED["free text, 20 words"]
    before, after = (_typed(each, texts, ROUNDS, numbered=True)[0] for each in (recogniser, fitted))
    return [
        "",
        f"Ten added topics of 120 phrases each are laid over the model in {laid_over * 1000:.0f} ms; fitting one takes "
        f"{seconds[0]:.2f} s the first time, then {median(seconds[1:]):.2f} s; 20 words then take {after:,.0f} µs "
        f"instead of {before:,.0f}.",
    ]


async def section(_far: object, _folder: object) -> list[str]:
    """Measure, and return the section of the results as lines of Markdown."""
    guidance = load_guidance(BUILT_IN_RESPONSES)
    recogniser = load_recogniser(BUILT_IN_RESPONSES, guidance.owners)
    lines = ["## Plain words", "", "| `recognise` of | p50 µs | p99 µs |", "|---|--:|--:|"]
    for kind, texts in TYPED.items():
        middle, worst = _typed(recogniser, texts, ROUNDS, numbered=kind.startswith("free"))
        lines.append(f"| {kind} | {middle:,.0f} | {worst:,.0f} |")
    everything = [text for language in Language for text in _development(language)]
    middle, worst = _typed(recogniser, everything, len(everything), numbered=False)
    lines.append(f"| the development set, each message once | {middle:,.0f} | {worst:,.0f} |")
    lines += _additions(recogniser)
    without, bare = _alone("without")
    seconds, megabytes = _alone("with")
    lines += [
        "",
        f"Loading the recogniser and answering once takes {seconds - without:.2f} s and {megabytes - bare:.0f} MB; "
        "the program answers commands before that.",
    ]
    return lines


if __name__ == "__main__":
    print("\n".join(asyncio.run(section(None, None))))
