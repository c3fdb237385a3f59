"""Versions of what services promise, the clocks of requests, their pauses and steps, and what residents are told about waiting"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    # What comes before the indexes is committed before they are made: a run that was killed meanwhile has done it.
    if not sa.inspect(op.get_bind()).has_table("forecast"):
        _change_tables()
    with op.get_context().autocommit_block():
        op.drop_index("ix_service_request_next_step", "service_request", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_service_request_next_step",
            "service_request",
            ["next_step_at"],
            unique=False,
            postgresql_where=sa.text("next_step_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def _change_tables() -> None:
    json = postgresql.JSONB(astext_type=sa.Text(), none_as_null=True)
    instant = sa.DateTime(timezone=True)
    op.add_column("service", sa.Column("first_answer", json, nullable=True))
    op.add_column("service", sa.Column("silence", json, nullable=True))
    op.add_column("service", sa.Column("promise_version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("service_request", sa.Column("promise", json, nullable=True))
    for name in (
        "first_answer_due_at", "first_answered_at", "last_word_at", "silence_due_at", "paused_at", "next_step_at",
    ):  # fmt: skip
        op.add_column("service_request", sa.Column(name, instant, nullable=True))
    op.create_table(
        "service_promise",
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("terms", json, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_service_promise_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("jurisdiction_id", "service_code", "version", name=op.f("pk_service_promise")),
    )
    # What was promised so far is version 1, from the day this was written down.
    op.execute(
        "INSERT INTO service_promise (jurisdiction_id, service_code, version, terms, valid_from)"
        " SELECT jurisdiction_id, code, 1, jsonb_build_object('resolution', promise), current_date FROM service"
    )
    op.create_table(
        "service_request_pause",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("started_by_kind", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("counted_s", sa.Integer(), nullable=True),
        sa.Column("expected_before", instant, nullable=True),
        sa.Column("expected_after", instant, nullable=True),
        sa.CheckConstraint("reason IN ('waiting_resident', 'closed')", name=op.f("ck_service_request_pause_reason")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_service_request_pause_order")),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_service_request_pause_service_request_id_service_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_request_pause")),
    )
    op.create_index(
        "ix_service_request_pause_service_request_id", "service_request_pause", ["service_request_id"], unique=False
    )
    op.create_table(
        "service_request_escalation",
        sa.Column("service_request_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["service_request_id"],
            ["service_request.id"],
            name=op.f("fk_service_request_escalation_service_request_id_service_request"),
        ),
        sa.PrimaryKeyConstraint("service_request_id", "key", name=op.f("pk_service_request_escalation")),
    )
    op.create_table(
        "forecast",
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("p50_s", sa.Float(), nullable=True),
        sa.Column("p80_s", sa.Float(), nullable=True),
        sa.Column("p90_s", sa.Float(), nullable=True),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.CheckConstraint("level IN ('service_area', 'service', 'group')", name=op.f("ck_forecast_level")),
        sa.CheckConstraint("(p80_s IS NULL) = (reason <> '')", name=op.f("ck_forecast_reason")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_forecast_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("jurisdiction_id", "service_code", "area_code", name=op.f("pk_forecast")),
    )
