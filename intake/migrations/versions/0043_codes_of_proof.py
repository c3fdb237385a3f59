"""One-time codes that prove whose an address is"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0041"


def upgrade() -> None:
    op.create_table(
        "contact_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("asker_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("asked_on", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("asked_by_name", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_by_name", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'proved', 'used_up', 'expired', 'replaced')", name=op.f("ck_contact_code_state")
        ),
        sa.CheckConstraint("asker_id <> target_id", name=op.f("ck_contact_code_two")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_contact_code_{column}_{table}"))
            for column, table in (
                ("jurisdiction_id", "jurisdiction"),
                ("asker_id", "contact_point"),
                ("person_id", "person"),
                ("target_id", "contact_point"),
                ("link_id", "person_link"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_code")),
    )
    op.create_index(
        "uq_contact_code_open",
        "contact_code",
        ["asker_id", "target_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    for name in ("asker_id", "target_id"):
        op.create_index(f"ix_contact_code_{name}_asked_at", "contact_code", [name, "asked_at"])
    # The release that runs meanwhile writes only what both allow; the rows there are, are few and are all allowed.
    op.drop_constraint(op.f("ck_person_link_basis"), "person_link", type_="check")
    op.create_check_constraint(
        op.f("ck_person_link_basis"), "person_link", "basis IN ('shared_phone', 'code', 'operator')"
    )
