"""Where Alembic begins: one transaction for all that is missing, and one process at a time."""

from alembic import context
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from chatbot.store.database import MIGRATING
from chatbot.store.tables import metadata

url = make_url(context.config.attributes["url"])
sqlite = url.drivername.startswith("sqlite")
engine = create_engine(url.set(drivername="sqlite" if sqlite else "postgresql+psycopg"), poolclass=NullPool)
with engine.connect() as connection:
    if sqlite:
        connection.connection.isolation_level = None  # type: ignore[attr-defined] # the driver's: we begin ourselves
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    context.run_migrations()
    if sqlite:
        connection.exec_driver_sql("COMMIT")
    connection.commit()
engine.dispose()
