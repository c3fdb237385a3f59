"""Indexes by which a page of a filtered list or of a search is read in its order, and no further than it is long"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

# The words of `public_search_words` (0021), each behind the number of its day since 2000. The name of no other function is in it:
# an index is made with none but PostgreSQL's own schema in sight. Not PARALLEL SAFE: a page is read by one process, and soon.
_FUNCTION = """
CREATE OR REPLACE FUNCTION public_search_days(description text, address text, requested_at timestamptz) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
day text := ((requested_at AT TIME ZONE 'UTC')::date - DATE '2000-01-01')::text || ':';
BEGIN
RETURN array_to_tsvector(string_to_array(day || array_to_string(array_remove(string_to_array(
    regexp_replace(regexp_replace(regexp_replace(
    lower(normalize(left(coalesce(description, ''), 5000) || ' ' || left(coalesce(address, ''), 2000), NFD) COLLATE "C"),
    '[\\u0300-\\u036f]+', '', 'g'),
    '[^a-z0-9 ]+', ' ', 'g'), '([a-z0-9]{40})[a-z0-9]+', '\\1', 'g'), ' '), ''), ' ' || day), ' '));
END
$$
"""
_NEWEST_FIRST: list[Any] = [sa.literal_column("requested_at DESC"), sa.literal_column("id DESC")]


def upgrade() -> None:
    op.execute(_FUNCTION)
    # CONCURRENTLY, outside a transaction, and made anew after a run that was killed.
    with op.get_context().autocommit_block():
        _create(
            "ix_service_request_square",
            [
                "jurisdiction_id",
                sa.literal_column("(floor(lat * 100)::int * 36000 + floor(lon * 100)::int)"),
                *_NEWEST_FIRST,
            ],
        )
        _create(
            "ix_service_request_service_square",
            [
                "jurisdiction_id",
                "service_code",
                sa.literal_column("(life = 'closed')"),
                sa.literal_column("(floor(lat * 25)::int * 9000 + floor(lon * 25)::int)"),
                *_NEWEST_FIRST,
            ],
        )
        _create(
            "ix_service_request_words_of_days",
            [sa.literal_column("public_search_days(public_description, public_address, requested_at)")],
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 128},
        )
        # The release before this one reads the first of them as well.
        op.drop_index("ix_service_request_cell", "service_request", if_exists=True, postgresql_concurrently=True)


def _create(name: str, columns: list[Any], **options: Any) -> None:
    op.drop_index(name, "service_request", if_exists=True, postgresql_concurrently=True)
    op.create_index(
        name,
        "service_request",
        columns,
        unique=False,
        postgresql_where=sa.text("is_public"),
        postgresql_concurrently=True,
        **options,
    )
