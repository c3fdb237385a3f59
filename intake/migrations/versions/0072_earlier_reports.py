"""Reports from before an incident that a supervisor made part of it, by which action"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"

_NAMES = "'proposed', 'opened', 'edited', 'updated', 'ended', 'reopened', 'dismissed', 'alert_changed', 'attached', 'taken_back'"


def upgrade() -> None:
    for table in ("incident_contact", "incident_request"):
        op.add_column(table, sa.Column("update_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_update_id_incident_update"), table, "incident_update", ["update_id"], ["id"]
        )
        op.create_index(op.f(f"ix_{table}_update_id"), table, ["update_id"])
    op.drop_constraint(op.f("ck_incident_update_name"), "incident_update", type_="check")
    op.create_check_constraint(op.f("ck_incident_update_name"), "incident_update", f"name IN ({_NAMES})")
