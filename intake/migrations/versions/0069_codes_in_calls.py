"""Codes that prove in one call, and a count of wrong folios."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact_code", sa.Column("thread_id", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_contact_code_two"), "contact_code", type_="check")
    op.create_check_constraint(
        op.f("ck_contact_code_two"), "contact_code", "asker_id <> target_id OR thread_id IS NOT NULL"
    )
    op.create_index(
        "uq_contact_code_open_link",
        "contact_code",
        ["asker_id", "target_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND thread_id IS NULL"),
    )
    op.drop_index("uq_contact_code_open", table_name="contact_code")
    op.create_index(
        "uq_contact_code_open_thread",
        "contact_code",
        ["thread_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open' AND thread_id IS NOT NULL"),
    )
    op.create_index(
        "ix_contact_code_thread_id",
        "contact_code",
        ["thread_id"],
        postgresql_where=sa.text("thread_id IS NOT NULL"),
    )
    op.create_table(
        "folio_guess",
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_folio_guess_jurisdiction_id_jurisdiction")
        ),
        sa.PrimaryKeyConstraint("jurisdiction_id", "scope", "hour", name=op.f("pk_folio_guess")),
    )


def downgrade() -> None:
    op.drop_table("folio_guess")
    op.drop_index("ix_contact_code_thread_id", table_name="contact_code")
    op.drop_index("uq_contact_code_open_thread", table_name="contact_code")
    op.execute("DELETE FROM contact_code WHERE thread_id IS NOT NULL")
    op.create_index(
        "uq_contact_code_open",
        "contact_code",
        ["asker_id", "target_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index("uq_contact_code_open_link", table_name="contact_code")
    op.drop_constraint(op.f("ck_contact_code_two"), "contact_code", type_="check")
    op.create_check_constraint(op.f("ck_contact_code_two"), "contact_code", "asker_id <> target_id")
    op.drop_column("contact_code", "thread_id")
