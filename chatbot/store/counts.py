"""Counts and words in the database. What each call promises stands in chatbot/insights.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.insights import Group, TopicCount, Unheard
from chatbot.model import Language
from chatbot.roles import Actor
from chatbot.store.audit import noted
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.tables import receipts, topic_counts, unheard, workspace_settings

_SETTING = "insights"
_is_on: ColumnElement[bool] = (workspace_settings.c.name == _SETTING) & (workspace_settings.c.value == "on")


class SqlCounts:
    """Keeps numbers of which each step was made by five people, and words that three used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def switched_on(self) -> frozenset[str]:
        """Return the workspaces that have insights switched on."""
        rows = await self._database.read(select(workspace_settings.c.workspace).where(_is_on))
        return frozenset(row.workspace for row in rows)

    async def switch(self, actor: Actor, on: bool, now: float) -> None:
        """Switch the insights of a workspace on or off, and note who did."""
        value = {"value": "on" if on else "off"}
        statement = (
            insert(self._database.engine, workspace_settings)
            .values(workspace=actor.workspace, name=_SETTING, **value)
            .on_conflict_do_update(index_elements=["workspace", "name"], set_=value)
        )

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)
            await noted(connection, actor, "insights on" if on else "insights off", "", now)

        await self._database.write(change)

    async def add(self, counts: Mapping[Group, int], words: Sequence[Group]) -> None:
        """Add to counts, and write words down, as far as insights are still switched on there."""
        asked = {group.workspace for group in (*counts, *words)}
        # Locked, so that whoever switches them off can rely on it that nothing comes after.
        still_on = (
            select(workspace_settings.c.workspace)
            .where(_is_on, workspace_settings.c.workspace.in_(asked))
            .with_for_update(read=True)
        )

        async def change(connection: AsyncConnection) -> None:
            on = {row.workspace for row in await connection.execute(still_on)}
            # In one order, so that two processes never wait for each other.
            for group in sorted((group for group in counts if group.workspace in on), key=_in_order):
                await connection.execute(self._added(group, counts[group]))
            for group in sorted((group for group in words if group.workspace in on), key=_in_order):
                await connection.execute(
                    insert(self._database.engine, unheard)
                    .values(workspace=group.workspace, week=group.week, language=str(group.language), words=group.name)
                    .on_conflict_do_nothing()
                )

        await self._database.write(change)

    def _added(self, group: Group, number: int) -> Any:
        values = dict.fromkeys(("asked", "useful", "useless"), 0) | {group.what: number}
        key = {"workspace": group.workspace, "week": group.week, "topic": group.name, "language": str(group.language)}
        return (
            insert(self._database.engine, topic_counts)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=list(key), set_={group.what: topic_counts.c[group.what] + number})
        )

    async def counts(self, workspace: str, since: str) -> Sequence[TopicCount]:
        """Return the counts of the week `since` and those after it, the oldest first."""
        table = topic_counts
        rows = await self._database.read(
            select(table)
            .where(table.c.workspace == workspace, table.c.week >= since)
            .order_by(table.c.week, table.c.topic, table.c.language)
        )
        return [
            TopicCount(row.week, row.topic, Language(row.language), row.asked, row.useful, row.useless) for row in rows
        ]

    async def unheard(self, workspace: str, since: str) -> Sequence[Unheard]:
        """Return the words of the week `since` and those after it, the newest first, each once."""
        rows = await self._database.read(
            select(unheard)
            .where(unheard.c.workspace == workspace, unheard.c.week >= since)
            .order_by(unheard.c.week.desc(), unheard.c.words, unheard.c.language)
        )
        newest: dict[tuple[str, str], Unheard] = {}
        for row in rows:
            newest.setdefault((row.words, row.language), Unheard(row.week, Language(row.language), row.words))
        return list(newest.values())

    async def drop_words(self, workspace: str, words: str) -> None:
        """Forget words, which now lead somewhere."""
        statement = delete(unheard).where(unheard.c.workspace == workspace, unheard.c.words == words)

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._database.write(change)

    async def forget(self, before: str, *, receipts_too: bool) -> None:
        """Delete what is older than a week, and with `receipts_too` who confirmed what."""
        old = [delete(table).where(table.c.week < before) for table in (unheard, topic_counts)]
        statements = [*old, delete(receipts)] if receipts_too else old

        async def change(connection: AsyncConnection) -> None:
            for statement in statements:
                await connection.execute(statement)

        await self._database.write(change)


def _in_order(group: Group) -> tuple[str, ...]:
    return group.workspace, group.week, group.name, group.language, group.what
