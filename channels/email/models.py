"""How far into a mailbox we have read."""

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from kernel.db import Instant


class MailboxPosition(SQLModel, table=True):
    """One folder of one mailbox. Mails are numbered within a `validity`; `last_uid` is the last that was taken in.

    leased_until: until then one worker is reading it, and the others leave it alone.
    """

    __tablename__ = "mailbox_position"

    mailbox: str = Field(sa_type=Text, primary_key=True)
    validity: int = Field(default=0, sa_type=BigInteger)
    last_uid: int = Field(default=0, sa_type=BigInteger)
    leased_until: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
