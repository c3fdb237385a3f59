"""A request's place in its lists is written faster, and what was closed long ago is in no index of likely duplicates"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0039"

# Each key ends in the request's own id or time, so that no two are the same: what PostgreSQL does before it splits a page, looking
# for keys to keep once, finds none, and took a tenth of the time of writing a request. Counts for what is written from now on.
_ALONE = ("requested", "service", "agency", "open_requested", "with_photo", "changed", "square", "service_square")


def upgrade() -> None:
    for name in _ALONE:
        op.execute(f"ALTER INDEX ix_service_request_{name} SET (deduplicate_items = off)")
    # Outside a transaction: nobody waits for an index, and a run that was killed is run again. The release before this one does
    # not say the day in its look-ups, and plans each of them with its values until it is gone: the same answer, a little later.
    with op.get_context().autocommit_block():
        op.drop_index("ix_service_request_near", "service_request", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_service_request_near",
            "service_request",
            [
                "jurisdiction_id",
                sa.text("(floor(lat * 1000)::bigint * 360000 + floor(lon * 1000)::bigint)"),
                "service_code",
                sa.text("closed_at DESC NULLS FIRST"),
                sa.text("requested_at DESC"),
            ],
            postgresql_where=sa.text(
                "lat IS NOT NULL AND parent_id IS NULL"
                " AND (closed_at IS NULL OR closed_at > '2026-01-01 00:00:00+00'::timestamptz)"
            ),
            postgresql_with={"deduplicate_items": "off"},
            postgresql_concurrently=True,
        )
        op.drop_index("ix_service_request_spot", "service_request", if_exists=True, postgresql_concurrently=True)
