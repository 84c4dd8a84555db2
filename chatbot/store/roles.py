"""Roles in the database. What each call promises stands in chatbot/roles.py."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.roles import Actor, RoleRow
from chatbot.store.audit import noted
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.tables import roles


class SqlRoles:
    """Keeps roles, and remembers none: another replica may take one away at any moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, workspace: str) -> Sequence[RoleRow]:
        """Return who has a role in a workspace."""
        statement = select(roles).where(roles.c.workspace == workspace).order_by(roles.c.role, roles.c.name)
        return [RoleRow(row.subject, row.role, row.name) for row in await self._database.read(statement)]

    async def add(self, actor: Actor, row: RoleRow, now: float) -> None:
        """Give a role; who has one already keeps it, but the name is brought up to date."""
        statement = (
            insert(self._database.engine, roles)
            .values(workspace=actor.workspace, subject=row.subject, role=row.role, name=row.name)
            .on_conflict_do_update(index_elements=["workspace", "subject"], set_={"name": row.name})
        )

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)
            await noted(connection, actor, "lead added", _shown(row.subject, row.name), now)

        await self._database.write(change)

    async def remove(self, actor: Actor, subject: str, now: float) -> bool:
        """Take the role of a lead away; return whether there was one."""
        statement = (
            delete(roles)
            .where(roles.c.workspace == actor.workspace, roles.c.subject == subject, roles.c.role == "lead")
            .returning(roles.c.name)
        )

        async def change(connection: AsyncConnection) -> bool:
            gone = (await connection.execute(statement)).first()
            if gone:
                await noted(connection, actor, "lead removed", _shown(subject, gone.name), now)
            return gone is not None

        return await self._database.write(change)

    async def install(self, actor: Actor, now: float) -> bool:
        """Make the actor admin if the workspace has none; return whether they became it."""
        statement = (
            insert(self._database.engine, roles)
            .values(workspace=actor.workspace, subject=actor.person, role="admin", name=actor.name)
            .on_conflict_do_update(index_elements=["workspace", "subject"], set_={"role": "admin"})
        )
        admins = select(roles.c.subject).where(roles.c.workspace == actor.workspace, roles.c.role == "admin")

        async def change(connection: AsyncConnection) -> bool:
            if connection.dialect.name == "postgresql":  # two may install at the same moment
                await connection.exec_driver_sql("LOCK TABLE roles IN SHARE ROW EXCLUSIVE MODE")
            if (await connection.execute(admins)).first():
                return False
            await connection.execute(statement)
            await noted(connection, actor, "admin installed", _shown(actor.person, actor.name), now)
            return True

        return await self._database.write(change)


def _shown(subject: str, name: str) -> str:
    return f"{name} ({subject})" if name else subject
