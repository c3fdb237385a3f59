"""Who is one person over several addresses, households, and who answers a thread since when it waits"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.add_column("person", sa.Column("group_id", sa.Uuid(), nullable=True))
    op.add_column("conversation", sa.Column("taken_by", sa.Uuid(), nullable=True))
    op.add_column("conversation", sa.Column("taken_by_name", sa.Text(), nullable=False, server_default=""))
    op.add_column("conversation", sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True))
    _make_people()
    _make_writing()
    # Threads with a person whose last word is the resident's: few.
    op.execute(
        """UPDATE conversation SET waiting_since = last.at FROM (
               SELECT DISTINCT ON (conversation_id) conversation_id, direction, at FROM message
               WHERE conversation_id IN (SELECT id FROM conversation WHERE state = 'with_agent')
               ORDER BY conversation_id, seq DESC) AS last
           WHERE conversation.id = last.conversation_id AND last.direction = 'inbound'"""
    )
    # Not CONCURRENTLY: the columns are new and all but empty, reading once through them takes a moment.
    for name, table, columns in (
        ("ix_person_group_id", "person", ["group_id"]),
        ("ix_conversation_waiting", "conversation", ["jurisdiction_id", "waiting_since"]),
    ):
        op.create_index(name, table, columns, postgresql_where=sa.text(f"{columns[-1]} IS NOT NULL"))


def _make_people() -> None:
    op.create_table(
        "contact_point_person",
        sa.Column("contact_point_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("added_by_name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_point_id"],
            ["contact_point.id"],
            name=op.f("fk_contact_point_person_contact_point_id_contact_point"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_contact_point_person_person_id_person")),
        sa.PrimaryKeyConstraint("contact_point_id", "person_id", name=op.f("pk_contact_point_person")),
    )
    op.create_index(op.f("ix_contact_point_person_person_id"), "contact_point_person", ["person_id"])
    op.create_table(
        "person_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("jurisdiction_id", sa.Text(), nullable=False),
        sa.Column("one_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("together", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("linked_by", sa.Uuid(), nullable=True),
        sa.Column("linked_by_name", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_why", sa.Text(), nullable=False),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_by_name", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("basis IN ('shared_phone', 'operator')", name=op.f("ck_person_link_basis")),
        sa.CheckConstraint("one_id <> other_id", name=op.f("ck_person_link_two")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_id"], ["jurisdiction.id"], name=op.f("fk_person_link_jurisdiction_id_jurisdiction")
        ),
        sa.ForeignKeyConstraint(["one_id"], ["person.id"], name=op.f("fk_person_link_one_id_person")),
        sa.ForeignKeyConstraint(["other_id"], ["person.id"], name=op.f("fk_person_link_other_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_link")),
    )
    for name in ("one_id", "other_id"):
        op.create_index(op.f(f"ix_person_link_{name}"), "person_link", [name])


def _make_writing() -> None:
    op.create_table(
        "conversation_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("client_ref", sa.Text(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_conversation_note_conversation_id_conversation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_note")),
        sa.UniqueConstraint(
            "conversation_id", "client_ref", name=op.f("uq_conversation_note_conversation_id_client_ref")
        ),
    )
    op.create_table(
        "reply_draft",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["console_user.id"], name=op.f("fk_reply_draft_user_id_console_user"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_reply_draft_conversation_id_conversation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "conversation_id", name=op.f("pk_reply_draft")),
    )
