"""An INSERT that can say what is to happen where a row is there already; each database has its own."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


def insert(where: AsyncConnection | AsyncEngine, table: Table) -> Any:
    """Return an INSERT with `on_conflict_do_update` and `on_conflict_do_nothing`, which both dialects spell alike."""
    # Each loaded only where it is used: PostgreSQL's takes 2 MB.
    if where.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as of_sqlite

        return of_sqlite(table)
    from sqlalchemy.dialects.postgresql import insert as of_postgresql

    return of_postgresql(table)
