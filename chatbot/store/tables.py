"""The tables. No column says what anybody asked, and a test lists them all.

People appear with what they chose or ordered for themselves, with a chat of their own, with what they did as leads or
for a channel, and with what they confirmed.
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
# Partial, each with its condition: settled rows, nearly all of them, are in neither.
_PARTIAL = (
    (Index("deliveries_to_do", deliveries.c.lane, deliveries.c.due), deliveries.c.due.is_not(None)),
    (Index("deliveries_sending", deliveries.c.lane), deliveries.c.state == "sending"),
)


def prepare(dialect: str) -> None:
    """Say in a database's own dialect which indexes are partial; to say it in both would load both, for 2 MB."""
    for index, condition in _PARTIAL:
        index.dialect_options[dialect]["where"] = condition


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

# ---- guidance of a workspace's own

pieces = Table(
    "pieces",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workspace", String, nullable=False),
    # The id under which it is found: one of its own, or that of the built-in topic it takes the place of.
    Column("topic", String, nullable=False),
    # The number of the version that is published, None before the first and after it was withdrawn.
    Column("published", Integer, nullable=True),
    # Who keeps it up to date, and who is asked when they don't answer: leads, by their platform's id.
    Column("owner", String, nullable=False),
    Column("deputy", String, nullable=False),
    Column("verified_until", String, nullable=False),
    Column("reminded", String, nullable=False),
    UniqueConstraint("workspace", "topic"),
)

versions = Table(
    "versions",
    metadata,
    Column("piece", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("author", String, nullable=False),
    Column("reviewer", String, nullable=False),
    Column("at", Float, nullable=False),
)

#: One row a workspace; every change of what it knows counts it up, and other replicas see that.
libraries = Table(
    "libraries",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("generation", Integer, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("workspace", String, primary_key=True),
    # A person's id, or a group's with "group:" before it.
    Column("subject", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("name", String, nullable=False),
)

#: What leads and admins did; rows are only ever added.
audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workspace", String, nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("about", String, nullable=False),
)

# ---- pushes

#: Conversations that were spoken in or that Steady was added to: where a push can go.
rooms = Table(
    "rooms",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("room", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("personal", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("language", String, nullable=False),
    # By which clock a person lives, as the platform tells it; "" for channels, and while nobody told.
    Column("zone", String, nullable=False),
    Column("gone", String, nullable=False),
)

pushes = Table(
    "pushes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("workspace", String, nullable=False, index=True),
    Column("author", String, nullable=False),
    Column("piece", _ID, nullable=True),
    Column("version", Integer, nullable=True),
    Column("content", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("receipts", Integer, nullable=False),
    Column("reminded", Integer, nullable=False),
)

#: "Got it", where the lead asked for it and the card says so: that somebody read a push, not what anybody asked.
receipts = Table(
    "receipts",
    metadata,
    Column("push", _ID, primary_key=True),
    Column("person", String, primary_key=True),
)

# ---- counts; people are counted in memory, and only numbers of five or more (three for words) get here

unheard = Table(
    "unheard",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("week", String, primary_key=True),
    Column("language", String, primary_key=True),
    Column("words", String, primary_key=True),
)

topic_counts = Table(
    "topic_counts",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("week", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("language", String, primary_key=True),
    Column("asked", Integer, nullable=False),
    Column("useful", Integer, nullable=False),
    Column("useless", Integer, nullable=False),
)

#: What a workspace switched on or off for itself, such as a second pair of eyes or insights.
workspace_settings = Table(
    "workspace_settings",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

#: Sessions of the console that were signed out of, until they would have ended anyway: a random id, and not whose.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session", String, primary_key=True),
    Column("until", Float, nullable=False),
)
