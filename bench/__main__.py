"""Measures this program against the bare frameworks and writes bench/results.md: `make bench`, some five minutes."""

import asyncio
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import recognition, slack, teams, tick, whole
from bench.compare import ROUNDS
from bench.far_end import FarEnd
from bench.process import LOAD_CORE, pin

RESULTS = Path(__file__).with_name("results.md")
PACKAGES = ("aiohttp", "slack-bolt", "botbuilder-core")

HOW_TO_READ = f"""\
Every server is a process of its own on the first core; the load generator, which also plays the platforms' side, is
another on the last. The load is a closed loop over kept connections, every request freshly signed and unlike all
others, every answer checked. The servers take turns, {ROUNDS} rounds long: trust the ratios (the median of the rounds,
with the least and the most) before the absolute figures, which are this machine's; and where others load the machine
too, CPU per request before both. Percentiles are over all rounds.
In Teams a request is done once the answer has reached the connector; the stock adapters post it before they answer
the request and Steady after, so its p99 is that of the arrival. Steady renders real cards, of {len(slack.TYPED)} kinds
in four languages for {slack.PEOPLE} people, where the others say hello or echo. The stock adapters' own token costs
them nothing here. Start-up is from the start of the process to the first good answer to a real request.
"""


async def main() -> None:
    """Run all sections; print and write what they found."""
    began = time.perf_counter()
    pin(os.getpid(), LOAD_CORE)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Benchmarks",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}; load before: {_busy()}. Made by `make bench`.",
        "",
        HOW_TO_READ.strip(),
    ]
    print("\n".join(lines), flush=True)
    far = FarEnd()
    with tempfile.TemporaryDirectory() as folder:
        async with far.serve():
            for section in (slack.section, teams.section, whole.section, recognition.section, tick.section):
                found = await section(far, Path(folder))
                print("\n" + "\n".join(found), flush=True)
                lines += ["", *found]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"\nwritten to {RESULTS.name} after {time.perf_counter() - began:.0f} s")


def _busy() -> str:
    """Return how many processes wanted a core in the last minute; where any did, the ratios shrink towards one."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _processor() -> str:
    """Return the processor's name without anything that tells which machine it is."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    asyncio.run(main())
