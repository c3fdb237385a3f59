"""An index of events that nobody reads is gone, and reports of nobody known are in no index of people and threads"""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    # Outside a transaction: nobody waits for an index, and a run that was killed is run again. The old ones serve until the new
    # ones are there.
    with op.get_context().autocommit_block():
        _create("ix_report_known_person", "person_id")
        _create("ix_report_in_thread", "conversation_id")
        _drop("ix_report_person_id", "report")
        _drop("ix_report_conversation_id", "report")
        # Updates are read by the time at which they were published, which is in `service_request_change` (0007).
        _drop("ix_service_request_event_public_at", "service_request_event")


def _create(name: str, column: str) -> None:
    _drop(name, "report")
    op.create_index(
        name, "report", [column], postgresql_where=sa.text(f"{column} IS NOT NULL"), postgresql_concurrently=True
    )


def _drop(name: str, table: str) -> None:
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
