"""The tables. No column says what anybody asked, and a test lists them all.

People appear in two places: with what they chose for themselves, and as the one who set up a channel's tips.
Times are seconds since 1970 (UTC), days ISO dates, ids of people and rooms the platform's own.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

#: SQLite counts rows by itself in a column of exactly this type.
_ID = BigInteger().with_variant(Integer, "sqlite")

preferences = Table(
    "preferences",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("language", String, nullable=True),
    Column("quiet_until", String, nullable=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("source", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("target", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    # When the row needs somebody again: to be sent, or to be looked for. None once nothing is left to do.
    Column("due", Float, nullable=True),
    Column("expires", Float, nullable=True),
    Column("since", Float, nullable=False),
    Column("reason", String, nullable=False),
    Column("reference", String, nullable=False),
)
# Partial: settled rows, nearly all of them, are in neither.
Index(
    "deliveries_to_do",
    deliveries.c.lane,
    deliveries.c.due,
    sqlite_where=deliveries.c.due.is_not(None),
    postgresql_where=deliveries.c.due.is_not(None),
)
Index(
    "deliveries_sending",
    deliveries.c.lane,
    sqlite_where=deliveries.c.state == "sending",
    postgresql_where=deliveries.c.state == "sending",
)

Index("deliveries_source", deliveries.c.source, deliveries.c.id)

tip_subscriptions = Table(
    "tip_subscriptions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("room", String, nullable=False),
    Column("address", String, nullable=False),
    Column("personal", Integer, nullable=False),
    Column("language", String, nullable=False),
    Column("schedule", Text, nullable=False),
    Column("topics", Text, nullable=False),
    Column("removed", Text, nullable=False),
    Column("deck", Text, nullable=False),
    Column("set_by", String, nullable=False),
    # The next run: its moment, None while there is none, and its local day.
    Column("next_due", Float, nullable=True, index=True),
    Column("next_day", String, nullable=True),
    # The last local day that had a run, sent or missed: no day has two.
    Column("last_day", String, nullable=True),
    # Why nothing is sent although a schedule is there; "" if it is.
    Column("stopped", String, nullable=False),
    UniqueConstraint("workspace", "room"),
)
