"""What a look for due tips costs with few and with many channels: `python -m bench.tick`."""

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from shutil import rmtree
from statistics import median
from typing import Any

from sqlalchemy import insert, text

from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.daily_tips import DailyTips, Subscription
from chatbot.deck import Deck
from chatbot.delivery.lanes import Lanes
from chatbot.delivery.local import LocalEngine
from chatbot.guidance import Guidance
from chatbot.model import Language, Room
from chatbot.store import subscriptions
from chatbot.store.database import Database
from chatbot.store.ledger import SqlLedger
from chatbot.store.preferences import SqlPreferences
from chatbot.store.tables import tip_subscriptions
from chatbot.tips import EVERY_DAY, Run, Schedule
from tests.postgres import Postgres, a_folder, binaries

FEW, MANY, DUE = 1_000, 100_000, 100
#: What many may cost, as a multiple of few.
TARGET = 1.2
_ROUNDS = 9
_FIRST = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
_SCHEDULE = Schedule(clock_time(9, 30), "Europe/Berlin", EVERY_DAY)


async def _channels(url: str, number: int) -> tuple[Database, DailyTips]:
    """Make a database with so many channels, of which every minute another hundred are due."""
    database = Database(url)
    await database.start()
    rows: list[dict[str, Any]] = []
    for each in range(number):
        minute = each // DUE if each < (_ROUNDS + 1) * DUE else 24 * 60  # the others tomorrow
        at = _FIRST + timedelta(minutes=minute, seconds=each % DUE / 10)
        channel = Subscription(
            workspace=f"slack:T{each % 977}",
            room=Room(f"C{each}", f"C{each}", personal=False),
            language=Language.EN,
            schedule=_SCHEDULE,
            deck=Deck(each),
            set_by="Kim",
        )
        rows.append(subscriptions._values(replace(channel, next_run=Run(at.date(), at))))
    for start in range(0, number, 5_000):
        await database.write(lambda c, at=start: c.execute(insert(tip_subscriptions), rows[at : at + 5_000]))  # type: ignore[misc]
    await database.write(lambda c: c.execute(text("ANALYZE")))
    # An engine that is not started: what is sent is not a part of it.
    engine = LocalEngine(Lanes(SqlLedger(database), {}, _nothing, _nothing))
    guidance = load_guidance(BUILT_IN_RESPONSES)

    async def guidance_of(_: str) -> Guidance:
        return guidance

    tips = DailyTips(
        subscriptions.SqlTips(database, engine),
        guidance_of,
        SqlPreferences(database),
        {},
        timedelta(hours=2),
    )
    return database, tips


async def _nothing(*_: object) -> None: ...


async def compare(few_url: str, many_url: str) -> tuple[float, float, float]:
    """Return the median milliseconds of a tick with few and with many channels, and the median of their ratios."""
    few_database, few = await _channels(few_url, FEW)
    many_database, many = await _channels(many_url, MANY)
    times: dict[int, list[float]] = {FEW: [], MANY: []}
    for round_number in range(_ROUNDS + 1):
        now = _FIRST + timedelta(minutes=round_number, seconds=30)
        turns = [(FEW, few), (MANY, many)]
        for number, tips in turns if round_number % 2 else reversed(turns):
            began = time.perf_counter()
            dealt = await tips.tick(now)
            times[number].append((time.perf_counter() - began) * 1000)
            if dealt != DUE:
                raise RuntimeError(f"{dealt} of {DUE} were due")
    await few_database.stop()
    await many_database.stop()
    counted = [(a, b) for a, b in zip(times[FEW][1:], times[MANY][1:], strict=True)]  # the first warms up
    return median(a for a, _ in counted), median(b for _, b in counted), median(b / a for a, b in counted)


async def section(*_: object) -> list[str]:
    """Measure both databases; return the lines to print."""
    found = ["## A tick", "", f"{DUE} channels are due, of {FEW:,} or of {MANY:,}; all is written into the ledger."]
    found += ["", f"| | {FEW:,} ms | {MANY:,} ms | ratio | target |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{Path(folder)}/{name}.sqlite3" for name in ("few", "many")]
        found.append(_line("SQLite", await compare(*urls)))
    programs = binaries()
    if programs is None:
        return [*found, "| PostgreSQL | its server is not installed | | | |"]
    place = await asyncio.to_thread(a_folder)
    server = Postgres(place, programs)
    await asyncio.to_thread(server.start)
    try:
        found.append(_line("PostgreSQL", await compare(server.new_database(), server.new_database())))
    finally:
        await asyncio.to_thread(server.stop)
        rmtree(place.parent)
    return found


def _line(name: str, times: tuple[float, float, float]) -> str:
    few, many, ratio = times
    return f"| {name} | {few:.1f} | {many:.1f} | {ratio:.2f} | ≤ {TARGET} |"


if __name__ == "__main__":
    print("\n".join(asyncio.run(section())))
