"""What-ifs with their results, and re-routing proposed after a publication"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"


def _id(
    name: str = "id", to: str | None = None, *, nullable: bool = False, primary_key: bool = False
) -> sa.Column[object]:
    keys = [sa.ForeignKey(to, ondelete="CASCADE")] if to else []
    return sa.Column(name, sa.Uuid(), *keys, nullable=nullable, primary_key=primary_key)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "whatif_run",
        _id(primary_key=True),
        _text("jurisdiction_id"),
        _id("draft_id", "routing_draft.id"),
        sa.Column("draft_version", sa.Integer(), nullable=False),
        _text("title"),
        sa.Column("asked_for", sa.Date(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        _text("language"),
        _text("state"),
        _text("problem"),
        _text("stamp"),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        _instant("after_at", nullable=True),
        _id("after_id", nullable=True),
        sa.Column("tally", postgresql.JSONB(), nullable=False),
        sa.Column("outcome", postgresql.JSONB(), nullable=True),
        _text("made_by"),
        _instant("made_at"),
        _instant("changed_at"),
        _instant("finished_at", nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="state"),
    )
    op.create_index("ix_whatif_run_draft_id_made_at", "whatif_run", ["draft_id", "made_at"])
    op.create_index(
        "ix_whatif_run_unfinished",
        "whatif_run",
        ["changed_at"],
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "whatif_part",
        _id("run_id", "whatif_run.id", primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "whatif_file",
        _id("run_id", "whatif_run.id", primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "reroute_round",
        _id(primary_key=True),
        _text("jurisdiction_id"),
        _id("rule_set_id", "rule_set.id"),
        sa.Column("valid_from", sa.Date(), nullable=False),
        _text("state"),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        _instant("after_at", nullable=True),
        _id("after_id", nullable=True),
        _instant("made_at"),
        _instant("changed_at"),
        sa.CheckConstraint("state IN ('planned', 'looking', 'done')", name="state"),
        sa.UniqueConstraint("rule_set_id"),
    )
    op.create_index("ix_reroute_round_jurisdiction_id_valid_from", "reroute_round", ["jurisdiction_id", "valid_from"])
    op.create_table(
        "reroute_proposal",
        _id(primary_key=True),
        _text("jurisdiction_id"),
        _id("round_id", "reroute_round.id"),
        _id("service_request_id", "service_request.id"),
        _text("from_agency"),
        _text("to_agency"),
        _text("rule_code", nullable=True),
        sa.Column("receipt", postgresql.JSONB(), nullable=False),
        _text("state"),
        _text("decided_by"),
        _instant("decided_at", nullable=True),
        _instant("at"),
        sa.CheckConstraint("state IN ('proposed', 'accepting', 'accepted', 'rejected', 'stale')", name="state"),
        sa.UniqueConstraint("round_id", "service_request_id"),
    )
    waiting = sa.text("state IN ('proposed', 'accepting')")
    op.create_index(
        "uq_reroute_proposal_open", "reroute_proposal", ["service_request_id"], unique=True, postgresql_where=waiting
    )
    op.create_index(
        "ix_reroute_proposal_waiting",
        "reroute_proposal",
        ["jurisdiction_id", "from_agency", "to_agency"],
        postgresql_where=waiting,
    )
