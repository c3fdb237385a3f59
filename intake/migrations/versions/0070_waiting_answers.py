"""Answers that wait until somebody lets messages go to a row of numbers or a country again"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    op.create_table(
        "waiting_answer",
        sa.Column("breaker_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("folio", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["breaker_id"], ["spending_breaker.id"], name=op.f("fk_waiting_answer_breaker_id_spending_breaker")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_waiting_answer_conversation_id_conversation")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_waiting_answer_message_id_message")),
        sa.PrimaryKeyConstraint("breaker_id", "conversation_id", name=op.f("pk_waiting_answer")),
    )
