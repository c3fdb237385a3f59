"""How many an incident's news was told, and why not the others; incidents that are open again"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0065"
down_revision = "0060"

_NAMES = "'proposed', 'opened', 'edited', 'updated', 'ended', 'reopened', 'dismissed', 'alert_changed'"


def upgrade() -> None:
    op.add_column(
        "incident_update", sa.Column("outcomes", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb"))
    )
    op.drop_constraint(op.f("ck_incident_update_name"), "incident_update", type_="check")
    op.create_check_constraint(op.f("ck_incident_update_name"), "incident_update", f"name IN ({_NAMES})")
