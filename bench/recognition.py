"""How long it takes to understand a message, and what the model costs: `python -m bench.recognition`."""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.recognition.recogniser import load_recogniser

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


async def section(_far: object, _folder: object) -> list[str]:
    """Measure, and return the section of the results as lines of Markdown."""
    guidance = load_guidance(BUILT_IN_RESPONSES)
    recogniser = load_recogniser(BUILT_IN_RESPONSES, guidance.owners)
    lines = ["## Plain words", "", "| `recognise` of | p50 µs | p99 µs |", "|---|--:|--:|"]
    for kind, texts in TYPED.items():
        times = []
        for number in range(ROUNDS):
            text = texts[number % len(texts)]
            if kind.startswith("free"):
                text = f"{text} {number}"
            gc.disable()
            began = time.perf_counter_ns()
            recogniser.recognise(text)
            times.append((time.perf_counter_ns() - began) / 1000)
            gc.enable()
        times.sort()
        lines.append(f"| {kind} | {median(times):,.0f} | {times[int(0.99 * len(times))]:,.0f} |")
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
