"""Incidents: what many people report at once, and who is told of it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0059"
down_revision = "0056"


def _texts(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb"))


def _list(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb"))


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _texts("title"),
        _texts("written"),
        _texts("spoken"),
        _list("service_codes"),
        _list("group_codes"),
        _list("areas"),
        sa.Column("geometry", sa.LargeBinary(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=True),
        sa.Column("client_ref", sa.Text(), nullable=True),
        _texts("basis"),
        _texts("alert"),
        sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        _instant("created_at"),
        _instant("opened_at", nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("opened_by_name", sa.Text(), nullable=False, server_default=""),
        _instant("expected_end_at", nullable=True),
        _instant("ended_at", nullable=True),
        sa.CheckConstraint("kind IN ('storm', 'outage', 'quake', 'shortage', 'other')", name=op.f("ck_incident_kind")),
        sa.CheckConstraint("state IN ('proposed', 'open', 'ended', 'dismissed')", name=op.f("ck_incident_state")),
        sa.CheckConstraint("proposed_by IN ('supervisor', 'detector', 'alert')", name=op.f("ck_incident_proposed_by")),
        _refers("incident", "jurisdiction_id", "jurisdiction"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(
        "ix_incident_jurisdiction_id_created_at", "incident", ["jurisdiction_id", sa.text("created_at DESC")]
    )
    op.create_index(
        "ix_incident_open", "incident", ["jurisdiction_id"], postgresql_where=sa.text("state IN ('open', 'proposed')")
    )
    op.create_index(
        "uq_incident_client_ref",
        "incident",
        ["jurisdiction_id", "client_ref"],
        unique=True,
        postgresql_where=sa.text("client_ref IS NOT NULL"),
    )
    op.create_index(
        "uq_incident_source_ref",
        "incident",
        ["jurisdiction_id", "source_ref"],
        unique=True,
        postgresql_where=sa.text("source_ref IS NOT NULL AND state IN ('proposed', 'open')"),
    )
    op.create_table(
        "incident_contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("contact_point_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("wants_notices", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        _instant("at"),
        _refers("incident_contact", "incident_id", "incident"),
        _refers("incident_contact", "contact_point_id", "contact_point"),
        _refers("incident_contact", "conversation_id", "conversation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_contact")),
    )
    op.create_index("uq_incident_contact", "incident_contact", ["incident_id", "contact_point_id"], unique=True)
    op.create_index("ix_incident_contact_incident_id_seq", "incident_contact", ["incident_id", "seq"])
    op.create_index(op.f("ix_incident_contact_contact_point_id"), "incident_contact", ["contact_point_id"])
    op.create_table(
        "incident_request",
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        _instant("at"),
        sa.CheckConstraint("basis IN ('attached', 'within', 'apart')", name=op.f("ck_incident_request_basis")),
        _refers("incident_request", "service_request_id", "service_request"),
        _refers("incident_request", "incident_id", "incident"),
        sa.PrimaryKeyConstraint("service_request_id", name=op.f("pk_incident_request")),
    )
    op.create_index(op.f("ix_incident_request_incident_id"), "incident_request", ["incident_id"])
    op.create_table(
        "incident_update",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _texts("words"),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False, server_default=""),
        sa.Column("client_ref", sa.Text(), nullable=True),
        _instant("at"),
        sa.Column("told_to", sa.BigInteger(), nullable=True),
        sa.Column("told_up_to", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        _instant("told_at", nullable=True),
        sa.CheckConstraint(
            "name IN ('proposed', 'opened', 'edited', 'updated', 'ended', 'dismissed', 'alert_changed')",
            name=op.f("ck_incident_update_name"),
        ),
        _refers("incident_update", "incident_id", "incident"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_update")),
    )
    op.create_index("ix_incident_update_incident_id_at", "incident_update", ["incident_id", "at"])
    op.create_index(
        "uq_incident_update_client_ref",
        "incident_update",
        ["incident_id", "client_ref"],
        unique=True,
        postgresql_where=sa.text("client_ref IS NOT NULL"),
    )
    op.create_index(
        "ix_incident_update_untold",
        "incident_update",
        ["at"],
        postgresql_where=sa.text("told_to IS NOT NULL AND told_at IS NULL"),
    )
