"""The fault run of pushes: `make chaos-push`, about two minutes. Every process is real, and all is on loopback.

A push to each of 20 workspaces with 100 channels goes to a far end that limits, fails and hangs up, and keeps its own
record. The pushing process is killed three times: while it writes the rows, while it sends, and while messages are
being changed in place. One push is cancelled in the middle, one is corrected, one withdrawn. Then the reports are
compared with the far end's record.
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from typing import Any

import aiohttp
from sqlalchemy import func, insert, select

from bench.chaos import FAULTS
from bench.chaos_platform import PER_WORKSPACE
from bench.chaos_push_worker import CORRECTED, WORDS
from bench.chaos_worker import name
from chatbot.store.database import Database
from chatbot.store.tables import deliveries, pushes, rooms
from tests.postgres import Postgres, a_folder, binaries

#: The run ends after this many seconds, whatever has been sent by then.
LONGEST = 240
#: Which workspaces' pushes are meddled with.
CANCELLED, CHANGED, WITHDRAWN = 0, 1, 2
#: A cancelled push stops within this many seconds.
STOPS_WITHIN = 2.0
TAKEN_BACK = "Taken back"
_FAULTS = ("busy", "limited", "broken_before", "broken_after", "cut_before", "cut_after")


class Run:
    """One run: where its processes are, and how to speak with the one that pushes."""

    def __init__(self, folder: Path, url: str, workspaces: int, channels: int) -> None:
        self.folder = folder
        self.url = url
        self.workspaces = workspaces
        self.channels = channels
        self.api = ""
        self.processes: list[asyncio.subprocess.Process] = []

    async def process(self, module: str, given: dict[str, Any]) -> str:
        """Start a process and return the first line that it says."""
        log = self.folder / f"{module}.log"
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"bench.{module}", json.dumps(given),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        self.processes.append(process)
        said = (await _line(process)).decode().strip()
        if not said:
            raise RuntimeError(f"{module} did not start: {log.read_text()[-2000:]}")
        return said

    async def worker(self, **dies: int) -> None:
        """Start a process that pushes; `dies` says at which row or send it ends."""
        given = {"database": self.url, "api": f"{self.api}/api/", "workspaces": self.workspaces}
        await self.process("chaos_push_worker", given | {"per_workspace": PER_WORKSPACE} | dies)

    async def killed(self, *, now: bool = False) -> str:
        """Wait until the process has killed itself, or kill it `now`; return what it leaves behind."""
        if now:
            self.processes[-1].kill()
        async with asyncio.timeout(60):
            if await self.processes[-1].wait() != -signal.SIGKILL:
                raise RuntimeError("The worker ended by itself: see its log.")
        database = Database(self.url)
        await database.start()
        counted = select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
        states = {row.state: int(row.number) for row in await database.read(counted)}
        amends = select(func.count()).select_from(deliveries).where(deliveries.c.kind.like("%.amend"))
        ((changes,),) = await database.read(amends)
        starting = select(func.count()).select_from(pushes).where(pushes.c.state == "starting")
        ((begun,),) = await database.read(starting)
        await database.stop()
        told = [f"{number} {state}" for state, number in sorted(states.items())]
        rows = sum(states.values()) - changes
        return f"{rows} of {self.workspaces * self.channels} rows ({', '.join(told)}), {changes} changes, {begun} begun"

    async def do(self, call: str, workspace: int) -> Any:
        """Let the process that pushes do something, and return its answer. Raises EOFError if it has died."""
        process = self.processes[-1]
        if process.stdin is None:
            raise RuntimeError("The worker was started without a way to speak with it.")
        process.stdin.write(f"{call} {workspace}\n".encode())
        try:
            await process.stdin.drain()
        except ConnectionError:
            raise EOFError from None
        line = await _line(process)
        if not line:
            raise EOFError
        return json.loads(line)

    async def reports(self) -> list[dict[str, int]]:
        """Return the report of each workspace's push."""
        return [await self.do("report", workspace) for workspace in range(self.workspaces)]

    async def record(self) -> dict[str, Any]:
        """Return what the far end wrote down."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.api}/record") as answer:
            record: dict[str, Any] = await answer.json()
            return record


async def _line(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise RuntimeError("The process was started without a way to listen to it.")
    return await process.stdout.readline()


async def _fill(run: Run) -> None:
    """Write the rooms down, as if Steady had been added to them."""
    database = Database(run.url)
    await database.start()
    for workspace in range(run.workspaces):
        values = [
            {
                "workspace": name(workspace), "room": f"C{number:04}", "address": f"C{number:04}", "personal": 0,
                "name": f"room-{number}", "language": "en", "zone": "", "gone": "",
            }
            for number in range(run.channels)
        ]  # fmt: skip

        async def change(connection: Any, values: Any = values) -> None:
            await connection.execute(insert(rooms), values)

        await database.write(change)
    await database.stop()


async def _judged(run: Run, dice: random.Random) -> bool:
    recipients = run.workspaces * run.channels
    # So that it dies within a push, and not between two.
    at_row = dice.randrange(recipients // 4, recipients * 3 // 4) // run.channels * run.channels + run.channels // 2
    await run.worker(row=at_row)
    began = time.time()
    with suppress(EOFError):
        for workspace in range(run.workspaces):
            await run.do("start", workspace)
    writing = await run.killed()
    at_send = dice.randrange(recipients // 20, recipients // 4)
    await run.worker(send=at_send)
    with suppress(EOFError):
        for workspace in range(run.workspaces):
            await run.do("start", workspace)
    sending = await run.killed()
    await run.worker()
    numbers = [await run.do("start", workspace) for workspace in range(run.workspaces)]
    await asyncio.sleep(dice.uniform(1, 3))
    stopped = time.time()
    cancelled = await run.do("cancel", CANCELLED)
    answered = time.time() - stopped
    await run.do("correct", CHANGED)
    await run.do("withdraw", WITHDRAWN)
    await asyncio.sleep(dice.uniform(0.0, 3))
    changing = await run.killed(now=True)
    await run.worker()
    reports = await run.reports()
    while any(report["busy"] for report in reports) and time.time() < began + LONGEST:
        await asyncio.sleep(0.5)
        reports = await run.reports()
    drained = time.time() - began
    record = await run.record()
    arrived, shown = record["arrived"], record["shown"]
    keys = [{f"push:{push}:C{number:04}" for number in range(run.channels)} for push in numbers]
    whole = [workspace for workspace in range(run.workspaces) if workspace not in (CANCELLED, WITHDRAWN)]
    lost = sum(len(keys[workspace] - set(arrived)) for workspace in whole)
    doubled = sum(1 for times in arrived.values() if times > 1)
    there = [len(keys[workspace] & set(arrived)) for workspace in range(run.workspaces)]
    told = [report["sent"] for report in reports]
    late = record["last"].get(f"Bearer xoxb-{CANCELLED}", 0.0) - stopped
    old = sum(CORRECTED.title not in shown[key] for key in keys[CHANGED] & set(arrived))
    kept = sum(TAKEN_BACK not in shown[key] for key in keys[WITHDRAWN] & set(arrived))
    untouched = sum(WORDS.title not in shown[key] for key in keys[CANCELLED] & set(arrived))
    checks = {
        f"killed while writing row {at_row}; it left": (writing, True),
        f"killed while sending, at send {at_send}; it left": (sending, " sending" in sending),
        "killed while changing; it left": (changing, True),
        "lost": (lost, lost == 0),
        "doubled": (doubled, doubled == 0),
        "unknown or failed": (sum(r["unknown"] + r["failed"] for r in reports), True),
        "sent, by the reports": (sum(told), told == there),
        "sent, by the far end": (sum(there), told == there),
        "cancelled: answered after s": (round(answered, 3), answered < STOPS_WITHIN),
        "cancelled: last arrival after s": (round(late, 2), cancelled > 0 and late < STOPS_WITHIN),
        "cancelled: rows, and the sum of all": (
            (reports[CANCELLED]["cancelled"], reports[CANCELLED]["all"]),
            reports[CANCELLED]["all"] == run.channels and reports[CANCELLED]["cancelled"] >= cancelled,
        ),
        "corrected: changed in place, still with the old words": ((reports[CHANGED]["changed"], old), old == 0),
        "withdrawn: changed in place, still to be read": ((reports[WITHDRAWN]["changed"], kept), kept == 0),
        "others changed": (untouched, untouched == 0),
        "429, 500 and cut": (sum(record["counts"].get(what, 0) for what in _FAULTS), True),
        "drained after s": (round(drained, 1), drained < LONGEST),
    }  # fmt: skip
    for what, (value, good) in checks.items():
        print(f"| {what} | {value} | {'good' if good else 'BAD'} |", flush=True)
    return all(good for _, good in checks.values())


async def main(kind: str, workspaces: int, channels: int, seed: int) -> bool:
    """Run once on a database of a kind, print what was found, and return whether all of it is good."""
    print(f"\n{kind}: {workspaces} pushes to {channels} channels each, seed {seed}\n\n| | | |\n|---|---|---|")
    server: Postgres | None = None
    server_folder = a_folder()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/steady.sqlite3"
        if kind == "postgresql":
            programs = binaries()
            if programs is None:
                sys.exit("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
            server = Postgres(server_folder, programs)
            server.start()
            url = server.new_database()
        run = Run(Path(folder), url, workspaces, channels)
        try:
            await _fill(run)
            given = {"faults": asdict(FAULTS), "seed": seed}
            run.api = f"http://127.0.0.1:{await run.process('chaos_push_platform', given)}"
            return await _judged(run, random.Random(seed))  # noqa: S311
        finally:
            for process in run.processes:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            if server:
                server.stop()
            rmtree(server_folder.parent, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgresql"], help="sqlite, postgresql")
    parser.add_argument("--workspaces", type=int, default=20)
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))  # noqa: S311
    options = parser.parse_args()
    found = [asyncio.run(main(kind, options.workspaces, options.channels, options.seed)) for kind in options.kinds]
    sys.exit(not all(found))
