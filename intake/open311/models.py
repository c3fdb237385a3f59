"""What the edge itself has to remember."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from kernel.db import Instant


class UpdateKey(SQLModel, table=True):
    """The `Idempotency-Key` under which a key's holder posted an update: for good, whatever the second form says."""

    __tablename__ = "update_key"

    api_key_id: UUID = Field(foreign_key="api_key.id", primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    event_id: int = Field(sa_type=BigInteger, foreign_key="service_request_event.id", ondelete="CASCADE")
    at: datetime = Field(sa_type=Instant)
