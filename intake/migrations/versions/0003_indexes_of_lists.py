"""Indexes for what public lists filter by: open, by their last change, by their place"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NEWEST_FIRST = ["jurisdiction_id", sa.literal_column("requested_at DESC"), sa.literal_column("id DESC")]


def upgrade() -> None:
    # CONCURRENTLY, outside a transaction: reports come in while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        _create("ix_service_request_open_requested", _NEWEST_FIRST, "is_public AND life <> 'closed'")
        _create(
            "ix_service_request_changed",
            [
                "jurisdiction_id",
                sa.literal_column("COALESCE(closed_at, updated_at) DESC"),
                sa.literal_column("id DESC"),
            ],
            "is_public",
        )
        _create(
            "ix_service_request_cell",
            [
                "jurisdiction_id",
                sa.literal_column("(floor(lat * 100)::int * 36000 + floor(lon * 100)::int)"),
                sa.literal_column("requested_at DESC"),
            ],
            "is_public",
        )


def _create(name: str, columns: list[Any], where: str) -> None:
    op.drop_index(name, "service_request", if_exists=True, postgresql_concurrently=True)
    op.create_index(
        name, "service_request", columns, unique=False, postgresql_where=sa.text(where), postgresql_concurrently=True
    )
