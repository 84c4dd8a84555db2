"""Several servers under the same load, in turns, and the tables that come of it.

The machine's own ups and downs are larger than many a difference, so every round drives each server once, and what
counts is the median of the rounds' ratios.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.load import Check, Request, Run, answers, drive
from bench.process import Program, Server

CLIENTS = (1, 16)
ROUNDS = 5
STARTS = 4
#: What start-up may take, in times of the bare framework's, and memory, in MB.
MOST_START_UPS, MOST_MEMORY = 2, 120


@dataclass
class Contender:
    """A program with its load: `make` returns that many requests, `counts` how many a run sends, by clients."""

    program: Program
    make: Callable[[int], Sequence[Request]]
    check: Check
    counts: Mapping[int, int]
    runs: dict[int, list[Run]] = field(default_factory=lambda: {clients: [] for clients in CLIENTS})
    start_ups: list[float] = field(default_factory=list)
    memory: float = 0

    async def start(self, folder: Path) -> Server:
        """Start the program, noting how long it takes to its first good answer."""

        async def probe(port: int) -> bool:
            return await answers(port, self.make(1)[0], self.check)

        server = await Server.start(self.program, folder, probe)
        self.start_ups.append(server.start_up)
        return server

    async def drive(self, server: Server, clients: int, count: int) -> Run:
        """Send that many requests from that many clients at once."""
        return await drive(server, self.make(count), clients, self.check)


async def compare(contenders: Sequence[Contender], folder: Path) -> None:
    """Start all, warm them up, drive them in turns; the figures are left in the contenders."""
    servers: list[Server] = []
    try:
        for start in range(STARTS):
            for server in servers:
                await server.stop()
            servers.clear()
            for contender in contenders:  # one by one, so that those already up are stopped if another does not start
                servers.append(await contender.start(folder))  # noqa: PERF401
            if start == 0:  # with compiled files and a cold disk cache, which is another question
                for contender in contenders:
                    contender.start_ups.clear()
        for contender, server in zip(contenders, servers, strict=True):
            await contender.drive(server, CLIENTS[-1], contender.counts[CLIENTS[-1]] // 2)
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                for contender, server in zip(contenders, servers, strict=True):
                    run = await contender.drive(server, clients, contender.counts[clients])
                    contender.runs[clients].append(run)
        for contender, server in zip(contenders, servers, strict=True):
            contender.memory = server.peak_memory()
    finally:
        for server in servers:
            await server.stop()


def figures(contenders: Sequence[Contender], *, arrivals: bool = False) -> list[str]:
    """Return a table of what was measured; `arrivals` adds the times until the answer had arrived elsewhere."""
    more = " done p50 ms | done p99 ms |" if arrivals else ""
    lines = [
        f"| server | clients | requests/s | p50 ms | p99 ms |{more} CPU ms/request |",
        "|---|--:|--:|--:|--:|" + ("--:|--:|" if arrivals else "") + "--:|",
    ]
    for clients in CLIENTS:
        for contender in contenders:
            runs = contender.runs[clients]
            answered = [seconds for run in runs for seconds in run.answered]
            done = [seconds for run in runs for seconds in run.done]
            times = [*_p50_p99(answered), *(_p50_p99(done) if arrivals else ())]
            cpu = 1000 * sum(run.cpu for run in runs) / len(done)
            lines.append(
                f"| {contender.program.name} | {clients} | {median(run.per_second for run in runs):,.0f} | "
                + " | ".join(f"{time:.2f}" for time in times)
                + f" | {cpu:.2f} |"
            )
    return lines


def _p50_p99(seconds: Sequence[float]) -> tuple[float, float]:
    return 1000 * percentile(seconds, 50), 1000 * percentile(seconds, 99)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that this share of all does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]


@dataclass(frozen=True)
class Pair:
    """Two contenders to set against each other, and the wanted times in requests/s, by clients."""

    ours: Contender
    theirs: Contender
    targets: Mapping[int, float] = field(default_factory=dict)


def ratios(pairs: Sequence[Pair], *, arrivals: bool = False) -> list[str]:
    """Return a table of the pairs' ratios: the median of the rounds, with the least and the most."""
    which = "done" if arrivals else "answered"
    lines = [
        f"| ours / theirs | clients | requests/s | target | p99 ({which}) | target | CPU/request |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for pair in pairs:
        for clients in CLIENTS:
            both = list(zip(pair.ours.runs[clients], pair.theirs.runs[clients], strict=True))
            speed = [ours.per_second / theirs.per_second for ours, theirs in both]
            tail = [percentile(getattr(o, which), 99) / percentile(getattr(t, which), 99) for o, t in both]
            cpu = [(ours.cpu / len(ours.done)) / (theirs.cpu / len(theirs.done)) for ours, theirs in both]
            target = pair.targets.get(clients)
            lines.append(
                f"| {pair.ours.program.name} / {pair.theirs.program.name} | {clients} | {_spread(speed)} | "
                f"{_verdict(median(speed) >= target, f'≥ {target:g}') if target else ''} | {_spread(tail)} | "
                f"{_verdict(median(tail) <= 1, '≤ 1') if target else ''} | {_spread(cpu)} |"
            )
    return lines


def footprint(contenders: Sequence[Contender], reference: Contender | None = None) -> list[str]:
    """Return a table of start-up times and memory, with the targets for the first, which is ours.

    The reference's start-up is what the others' are set against.
    """
    lines = ["| server | start-up s | against bare | target | peak memory MB | target |", "|---|--:|--:|--:|--:|--:|"]
    for contender in contenders:
        ours = contender is contenders[0]
        against = early = small = ""
        if reference:
            pairs = zip(contender.start_ups, reference.start_ups, strict=True)
            times = [one / other for one, other in pairs]
            against = _spread(times)
            early = _verdict(median(times) < MOST_START_UPS, f"< {MOST_START_UPS}") if ours else ""
        if ours:
            small = _verdict(contender.memory < MOST_MEMORY, f"< {MOST_MEMORY}")
        lines.append(
            f"| {contender.program.name} | {median(contender.start_ups):.2f} | {against} | {early} | "
            f"{contender.memory:.0f} | {small} |"
        )
    return lines


def _spread(values: Sequence[float]) -> str:
    return f"**{median(values):.2f}** ({min(values):.2f}–{max(values):.2f})"


def _verdict(met: bool, target: str) -> str:
    return f"{target} {'met' if met else 'MISSED'}"
