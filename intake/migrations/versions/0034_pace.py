"""How fast each channel sends, what may wait, and up to when a provider's log was compared with ours"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
_PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    # Nullable or with a default that is no rewrite: can be done again after a run that was killed at the index.
    op.execute("ALTER TABLE outbox_delivery ADD COLUMN IF NOT EXISTS lane smallint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE message ADD COLUMN IF NOT EXISTS slot_at timestamptz")
    for name, columns in (
        ("channel_pace", "channel text NOT NULL, lane text NOT NULL, next_at timestamptz NOT NULL"),
        ("reconciled_until", "channel text NOT NULL, at timestamptz NOT NULL"),
    ):
        key = "channel, lane" if "lane" in columns else "channel"
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}, CONSTRAINT pk_{name} PRIMARY KEY ({key}))")
    with op.get_context().autocommit_block():
        op.drop_index("ix_outbox_delivery_turn", "outbox_delivery", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_outbox_delivery_turn",
            "outbox_delivery",
            ["lane", "due_at", "id"],
            postgresql_where=_PENDING,
            postgresql_concurrently=True,
        )
        # The previous release's relays sort what is due without it: few rows at any moment.
        op.drop_index("ix_outbox_delivery_due", "outbox_delivery", if_exists=True, postgresql_concurrently=True)
