"""What each version of the tables changed; run by Alembic."""
