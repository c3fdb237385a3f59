"""One Alembic history, numbered files, one head; each step is safe while the previous release still runs."""
