"""The ledger, the tips of channels, and preferences with a quiet time; takes over what the first version kept."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables. Before there were migrations there was one: the languages that people chose."""
    bind = op.get_bind()
    known = bind.dialect.has_table(bind, "preferences")
    if known:
        op.rename_table("preferences", "preferences_0")
    op.create_table(
        "preferences",
        sa.Column("workspace", sa.String, primary_key=True),
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("language", sa.String, nullable=True),
        sa.Column("quiet_until", sa.String, nullable=True),
    )
    if known:
        op.execute(
            "INSERT INTO preferences (workspace, person, language) "
            "SELECT workspace, person, language FROM preferences_0"
        )
        op.drop_table("preferences_0")
    op.create_table(
        "deliveries",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("lane", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=True),
        sa.Column("expires", sa.Float, nullable=True),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("reference", sa.String, nullable=False),
    )
    to_do, sending = sa.text("due IS NOT NULL"), sa.text("state = 'sending'")
    op.create_index("deliveries_to_do", "deliveries", ["lane", "due"], sqlite_where=to_do, postgresql_where=to_do)
    op.create_index("deliveries_sending", "deliveries", ["lane"], sqlite_where=sending, postgresql_where=sending)
    op.create_index("deliveries_source", "deliveries", ["source", "id"])
    op.create_table(
        "tip_subscriptions",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("room", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("personal", sa.Integer, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("removed", sa.Text, nullable=False),
        sa.Column("deck", sa.Text, nullable=False),
        sa.Column("set_by", sa.String, nullable=False),
        sa.Column("next_due", sa.Float, nullable=True),
        sa.Column("next_day", sa.String, nullable=True),
        sa.Column("last_day", sa.String, nullable=True),
        sa.Column("stopped", sa.String, nullable=False),
        sa.UniqueConstraint("workspace", "room"),
    )
    op.create_index("ix_tip_subscriptions_next_due", "tip_subscriptions", ["next_due"])


def downgrade() -> None:
    """Refuse: a database is taken back by restoring a backup."""
    raise NotImplementedError("restore a backup instead")
