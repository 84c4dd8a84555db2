"""Sessions of the console that were signed out of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "ended_sessions",
        sa.Column("session", sa.String, primary_key=True, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """Refuse: a database is taken back by restoring a backup."""
    raise NotImplementedError("restore a backup instead")
