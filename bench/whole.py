"""The whole program, both platforms and the playground at once: its start-up, its memory, and what blocks it."""

import re
from dataclasses import replace
from pathlib import Path

from bench import slack, teams
from bench.compare import Contender, footprint
from bench.far_end import FarEnd
from bench.process import opponent, steady

REQUESTS = {1: 100, 16: 400}
_TOO_LONG = re.compile(r"Executing .* took (\d+\.\d+) seconds")


async def section(far: FarEnd, folder: Path) -> list[str]:
    """Measure and return the section's lines."""
    settings = {**slack.environment(far), **teams.environment(far)}
    everything = steady("Steady (Slack, Teams, playground)", {**settings, "PLAYGROUND": "true"})
    contender = Contender(everything, slack.commands, slack.coached, REQUESTS)
    await _load(contender, far, folder)

    watched = replace(opponent("watched", "steady-watched"), environment=everything.environment)
    log = await _load(Contender(watched, slack.commands, slack.coached, REQUESTS), far, folder)
    blocked = _TOO_LONG.findall(log)
    longest = f", the longest {max(map(float, blocked)):.2f} s" if blocked else ""
    return [
        "## The whole program",
        "",
        *footprint([contender]),
        "",
        f"Calls that held the event loop for over 50 ms, asyncio's debug mode, "
        f"{2 * sum(REQUESTS.values())} requests on both platforms: **{len(blocked)}**{longest}.",
    ]


async def _load(contender: Contender, far: FarEnd, folder: Path) -> str:
    """Drive both platforms of a program; return what it logged from its first answer on."""
    message = Contender(contender.program, teams.messages(far), teams.taken, REQUESTS)
    server = await contender.start(folder)
    try:
        before = len(server.output())
        for clients, count in REQUESTS.items():
            await contender.drive(server, clients, count)
            await message.drive(server, clients, count)
        contender.memory = server.peak_memory()
        return server.output()[before:]
    finally:
        await server.stop()
