"""Fault runs of delivery: `make chaos-tips`, some eight minutes. Every process is real, and all is on loopback.

5,000 tips over 50 workspaces go to a far end that limits, fails and hangs up, and keeps its own record; meanwhile the
sending processes, or their database, are killed or frozen. `python -m bench.chaos NAME …` runs single scenarios,
`--tips N` with fewer tips.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Any

import aiohttp
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bench.chaos_platform import PER_WORKSPACE, WORKSPACE_BURST, Faults
from bench.chaos_worker import name
from chatbot.delivery.model import Draft
from chatbot.store.database import Database
from chatbot.store.ledger import write_drafts
from tests.postgres import Postgres, a_folder, binaries

#: One post in forty leaves it open whether it arrived, and one in a thousand is refused for no reason.
FAULTS = Faults(busy=0.001, broken_before=0.005, broken_after=0.005, cut_before=0.005, cut_after=0.01)
#: A run ends after this many seconds, whatever has been sent by then.
LONGEST = 300
_CHANNELS = 20


@dataclass
class Run:
    """One scenario under way: what it uses, and the processes that it started."""

    folder: Path
    url: str
    workspaces: int
    tips: int
    faults: Faults
    random: random.Random
    per_workspace: float = PER_WORKSPACE
    server: Postgres | None = None
    api: str = ""
    began: float = 0.0
    cpu: float = 0.0
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def worker(self) -> asyncio.subprocess.Process:
        """Start a sending process."""
        given = {
            "database": self.url,
            "api": f"{self.api}/api/",
            "workspaces": self.workspaces,
            "per_workspace": self.per_workspace,
        }
        process, _ = await _start(self.folder / "workers.log", "bench.chaos_worker", given)
        self.began = self.began or time.time()
        self.processes.append(process)
        return process

    async def until(self, moment: float) -> None:
        """Wait until so many seconds of the run have passed."""
        await asyncio.sleep(max(0.0, self.began + moment - time.time()))


#: What is done to the processes while they send.
Trouble = Callable[[Run], Awaitable[None]]


async def none(_: Run) -> None:
    """Leave them alone."""


async def two_kills(run: Run) -> None:
    """Kill the only process twice, and start it again at once."""
    for low, high in ((2, 8), (10, 16)):
        await run.until(run.random.uniform(low, high))
        run.processes[-1].kill()
        await run.worker()


async def one_stays_dead(run: Run) -> None:
    """Kill one of two replicas for good."""
    await run.until(run.random.uniform(3, 10))
    run.processes[0].kill()


async def one_frozen(run: Run) -> None:
    """Freeze one of two replicas for 20 s, which is long enough to be taken for dead."""
    await run.until(run.random.uniform(3, 6))
    run.processes[0].send_signal(signal.SIGSTOP)
    await asyncio.sleep(20)
    run.processes[0].send_signal(signal.SIGCONT)
    await asyncio.sleep(10)  # what it had in hand when it froze must not be sent now


async def database_killed(run: Run) -> None:
    """Kill the database, and start it again after two seconds."""
    await run.until(run.random.uniform(3, 10))
    if run.server is None:
        return
    await asyncio.to_thread(run.server.kill)
    for _ in range(20):  # its children need a moment to notice
        await asyncio.sleep(2)
        with suppress(RuntimeError):
            await asyncio.to_thread(run.server.start)
            return


@dataclass(frozen=True)
class Scenario:
    """What is run, and how good it has to be."""

    title: str
    kind: str
    replicas: int
    trouble: Trouble
    target: float  # the drain time, as a multiple of the least that the limits allow
    faults: Faults = FAULTS


SCENARIOS = {
    "sqlite": Scenario("SQLite, no kills", "sqlite", 1, none, 1.17),
    "sqlite-kills": Scenario("SQLite, kill -9 twice", "sqlite", 1, two_kills, 1.3),
    "postgresql": Scenario("PostgreSQL, two replicas", "postgresql", 2, none, 1.3),
    "postgresql-dead": Scenario("PostgreSQL, one of two stays dead", "postgresql", 2, one_stays_dead, 1.5),
    "postgresql-frozen": Scenario("PostgreSQL, one of two frozen for 20 s", "postgresql", 2, one_frozen, 1.5),
    "postgresql-killed": Scenario("PostgreSQL itself killed", "postgresql", 2, database_killed, 1.5),
}
BURST = "burst"


#: "least" is the time that the limits demand: the workspace's rate, and the waits that a 429 out of the blue asked for.
_COLUMNS = ("", "lost", "doubled", "drain s", "least s", "ratio", "target", "CPU s", "looks", "429", "rows")


@dataclass(frozen=True)
class Found:
    """What a run came to."""

    lost: int
    doubled: int
    drain: float
    least: float
    cpu: float
    looks: int
    refused: int
    states: dict[str, int]


async def measure(
    scenario: Scenario, workspaces: int, tips: int, per_workspace: float, seed: int, log: str = ""
) -> Found:
    """Run a scenario from an empty database until every row is settled; the workers' output goes to `log`."""
    server, programs = None, binaries()
    place = Path(tempfile.mkdtemp(prefix="steady-chaos-"))
    if scenario.kind == "sqlite":
        url = f"sqlite:///{place}/steady.sqlite3"
    elif programs:
        data = a_folder()
        server = Postgres(data, programs)
        await asyncio.to_thread(server.start)
        url = server.new_database()
    else:
        sys.exit("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    run = Run(place, url, workspaces, tips, scenario.faults, random.Random(seed), per_workspace, server)  # noqa: S311
    platform, line = await _start(
        place / "platform.log", "bench.chaos_platform", {"faults": asdict(scenario.faults), "seed": seed}
    )
    try:
        run.api = f"http://127.0.0.1:{int(line)}"
        return await _judged(run, scenario)
    finally:
        for process in [*run.processes, platform]:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if log:
            copyfile(place / "workers.log", log)
        if server:
            await asyncio.to_thread(server.stop)
            rmtree(data.parent)
        rmtree(place)


async def _judged(run: Run, scenario: Scenario) -> Found:
    keys = await _fill(run)
    judge = Database(run.url)
    await judge.start()
    before = _children()
    await asyncio.gather(*(run.worker() for _ in range(scenario.replicas)))
    trouble = asyncio.ensure_future(scenario.trouble(run))
    drained = await _drained(judge, run)
    await trouble
    for process in run.processes:
        with suppress(ProcessLookupError):
            process.terminate()
    for process in run.processes:
        await process.wait()
    async with aiohttp.ClientSession() as session, session.get(f"{run.api}/record") as answer:
        record = await answer.json()
    rows = await judge.read(text("SELECT state, count(*) AS number FROM deliveries GROUP BY state"))
    await judge.stop()
    counts = record["counts"]
    return Found(
        lost=len(keys - set(record["arrived"])),
        doubled=sum(1 for times in record["arrived"].values() if times > 1),
        drain=drained,
        least=(run.tips / run.workspaces - WORKSPACE_BURST) / PER_WORKSPACE + record["held"],
        cpu=_children() - before,
        looks=counts.get("looks", 0),
        refused=counts.get("limited", 0),
        states={row.state: row.number for row in rows},
    )


def _children() -> float:
    """Return the processor time of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


async def _fill(run: Run) -> set[str]:
    """Write the tips into the ledger, all due."""
    database = Database(run.url)
    await database.start()
    now = time.time()
    each = run.tips // run.workspaces
    channels = _CHANNELS if run.faults.limited else each
    drafts = [
        Draft(
            key=f"tips:{workspace}:{number}",
            source=f"tips:{workspace}",
            lane=name(workspace),
            target=f"C{number % channels:04}",
            kind="tips.tip",
            content="{}",
            due=now,
            expires=now + 7200,
        )
        for workspace in range(run.workspaces)
        for number in range(each)
    ]
    for start in range(0, len(drafts), 500):
        await database.write(lambda connection, at=start: write_drafts(connection, drafts[at : at + 500], now))  # type: ignore[misc]
    await database.stop()
    return {draft.key for draft in drafts}


async def _drained(judge: Database, run: Run) -> float:
    """Wait until nothing is left to do, and return how many seconds that took."""
    left = text("SELECT 1 FROM deliveries WHERE due IS NOT NULL OR state = 'sending' LIMIT 1")
    while time.time() < run.began + LONGEST:
        await asyncio.sleep(0.1)
        with suppress(SQLAlchemyError, OSError):  # the database may be the one that was killed
            if not await judge.read(left):
                break
    return time.time() - run.began


async def _start(log: Path, module: str, given: dict[str, Any]) -> tuple[asyncio.subprocess.Process, bytes]:
    """Start a program and wait for the first line that it prints, by which it is ready."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, json.dumps(given), stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError(f"{module} did not start: {log.read_text()[-2000:]}")  # noqa: ASYNC240
    return process, line


async def main(names: Sequence[str], tips: int, burst: int, seed: int, log: str) -> bool:
    """Run scenarios, print a table, and return whether every target was met."""
    workspaces = max(1, tips // 100)
    print(f"{tips} tips over {workspaces} workspaces, seed {seed}\n")
    print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|", flush=True)
    good = True
    for each in names:
        if each == BURST:
            continue
        scenario = SCENARIOS[each]
        found = await measure(scenario, workspaces, tips, PER_WORKSPACE, seed, log)
        ratio = found.drain / found.least
        good &= not found.lost and not found.doubled and ratio < scenario.target and set(found.states) == {"sent"}
        print(
            f"| {scenario.title} | {found.lost} | {found.doubled} | {found.drain:.1f} | "
            f"{found.least:.1f} | {ratio:.2f} | "
            f"< {scenario.target} | {found.cpu:.0f} | {found.looks} | {found.refused} | {found.states} |",
            flush=True,
        )
    if BURST in names:
        found = await measure(
            Scenario("", "sqlite", 1, none, 0, Faults(limited=False)), max(1, burst // 50), burst, 50.0, seed, log
        )
        speed = burst / found.drain
        good &= not found.lost and not found.doubled and speed > 620
        print(
            f"\n{burst} due at once on SQLite, {burst // 50} workspaces, no limits: {speed:.0f} messages/s "
            f"(target 620), {found.cpu / burst * 1000:.2f} ms of CPU each, lost {found.lost}, doubled {found.doubled}"
        )
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"{', '.join([*SCENARIOS, BURST])}; none means all")
    parser.add_argument("--tips", type=int, default=5_000)
    parser.add_argument("--burst", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))  # noqa: S311
    parser.add_argument("--log", default="", help="a file for what the sending processes of the last run wrote")
    options = parser.parse_args()
    wanted = options.names or [*SCENARIOS, BURST]
    sys.exit(not asyncio.run(main(wanted, options.tips, options.burst, options.seed, options.log)))
