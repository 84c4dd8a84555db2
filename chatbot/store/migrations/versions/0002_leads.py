"""Leads: guidance of their own with its versions, roles, the audit, pushes and receipts, and counts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _text(name: str, *, key: bool = False, index: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=key, nullable=False, index=index)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pieces",
        sa.Column("id", _ID, primary_key=True),
        _text("workspace"),
        _text("topic"),
        _number("published", nullable=True),
        _text("owner"),
        _text("deputy"),
        _text("verified_until"),
        _text("reminded"),
        sa.UniqueConstraint("workspace", "topic"),
    )
    op.create_table(
        "versions",
        sa.Column("piece", _ID, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        _text("state"),
        _text("author"),
        _text("reviewer"),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table("libraries", _text("workspace", key=True), _number("generation"))
    op.create_table("roles", _text("workspace", key=True), _text("subject", key=True), _text("role"), _text("name"))
    op.create_table(
        "audit",
        sa.Column("id", _ID, primary_key=True),
        _text("workspace", index=True),
        sa.Column("at", sa.Float, nullable=False),
        _text("actor"),
        _text("action"),
        _text("about"),
    )
    op.create_table(
        "rooms",
        _text("workspace", key=True),
        _text("room", key=True),
        _text("address"),
        _number("personal"),
        _text("name"),
        _text("language"),
        _text("zone"),
        _text("gone"),
    )
    op.create_table(
        "pushes",
        sa.Column("id", _ID, primary_key=True),
        _text("workspace", index=True),
        _text("author"),
        sa.Column("piece", _ID, nullable=True),
        _number("version", nullable=True),
        sa.Column("content", sa.Text, nullable=False),
        _text("state"),
        sa.Column("at", sa.Float, nullable=False),
        _number("receipts"),
        _number("reminded"),
    )
    op.create_table("receipts", sa.Column("push", _ID, primary_key=True), _text("person", key=True))
    op.create_table(
        "unheard",
        _text("workspace", key=True),
        _text("week", key=True),
        _text("language", key=True),
        _text("words", key=True),
    )
    op.create_table(
        "topic_counts",
        _text("workspace", key=True),
        _text("week", key=True),
        _text("topic", key=True),
        _text("language", key=True),
        _number("asked"),
        _number("useful"),
        _number("useless"),
    )
    op.create_table("workspace_settings", _text("workspace", key=True), _text("name", key=True), _text("value"))


def downgrade() -> None:
    """Refuse: a database is taken back by restoring a backup."""
    raise NotImplementedError("restore a backup instead")
