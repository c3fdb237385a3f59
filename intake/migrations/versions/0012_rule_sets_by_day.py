"""The day from which a rule set is in force. `routing_rule` stays for the release before this one; nothing reads it any more"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # Every set that is there was an import, which answers for every day.
    op.add_column("rule_set", sa.Column("valid_from", sa.Date(), nullable=False, server_default="0001-01-01"))
    op.add_column("rule_set", sa.Column("origin", sa.Text(), nullable=False, server_default="import"))
