"""How much each agency has open, for rules that pass work on"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_NAME = "ix_service_request_open_agency"


def upgrade() -> None:
    # CONCURRENTLY, outside a transaction: reports come in while it runs. What a run that was killed left behind is made anew.
    with op.get_context().autocommit_block():
        op.drop_index(_NAME, "service_request", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            _NAME,
            "service_request",
            ["jurisdiction_id", "agency_code"],
            postgresql_where=sa.text("life <> 'closed'"),
            postgresql_concurrently=True,
        )
