"""What leads and admins did. Rows are added in the transaction of what they tell of, and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.roles import Actor
from chatbot.store.database import Database
from chatbot.store.tables import audit

#: All that is written down.
Action = Literal[
    "admin installed",
    "lead added",
    "lead removed",
    "review on",
    "review off",
    "draft saved",
    "submitted",
    "approved",
    "published",
    "withdrawn",
    "rolled back",
    "confirmed",
    "imported",
    "push created",
    "push started",
    "push cancelled",
    "push corrected",
    "push withdrawn",
    "push resent",
    "push reminded",
    "insights on",
    "insights off",
]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Somebody did something; `actor` is a name with the id in brackets, `at` seconds since 1970."""

    workspace: str
    at: float
    actor: str
    action: str
    about: str


async def noted(connection: AsyncConnection, actor: Actor, action: Action, about: str, now: float) -> None:
    """Write down what an actor does, in the transaction in which it is done."""
    who = f"{actor.name} ({actor.person})" if actor.name else actor.person
    await connection.execute(
        insert(audit).values(workspace=actor.workspace, at=now, actor=who, action=action, about=about)
    )


class AuditLog:
    """Reads what was written down."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, workspace: str | None, limit: int | None) -> Sequence[AuditRow]:
        """Return the newest rows, of one workspace or of all, the newest first."""
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if workspace is not None:
            statement = statement.where(audit.c.workspace == workspace)
        rows = await self._database.read(statement)
        return [AuditRow(row.workspace, row.at, row.actor, row.action, row.about) for row in rows]
