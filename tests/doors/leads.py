"""Leads behind a coach: its roles, what they write and the libraries made of it, on a database that is open."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from adapters.leading import Leading
from chatbot.coach import Coach
from chatbot.roles import Groups
from chatbot.store.database import Database
from tests.fake_identity import Teams, running


@asynccontextmanager
async def led(
    database: Database,
    coach: Coach,
    admins: Mapping[str, Collection[str]],
    groups: Mapping[str, Groups],
    clock: Callable[[], float],
    *,
    fits: bool = False,
) -> AsyncIterator[Leading]:
    """Put leads behind a coach while the block runs; with `fits` what they write is learnt, which takes time."""
    leading = Leading(database, coach, admins, groups, clock, fits=fits)
    await leading.start()
    try:
        yield leading
    finally:
        await leading.stop()


@asynccontextmanager
async def teams_with_leads(coach: Coach, database: Database) -> AsyncIterator[Teams]:
    """Run the Teams adapter with leads behind it, of whom there are none yet; they live by the adapter's clock."""
    async with running(coach) as teams:
        groups = {"teams": teams.adapter.delivery}
        async with led(database, coach, {}, groups, lambda: teams.now[0]):
            yield teams
