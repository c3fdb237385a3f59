"""A change: an event of a request with its number in the feed, and whose it is."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.db import Instant


class ServiceRequestChange(SQLModel, table=True):
    """`seq` grows in the order in which readers can see it, whatever the order of commits. Never edited, never removed.

    `agency_code`: whose request it was just then; `is_farewell`: told to the agency that the request has left.
    `is_public`: everybody may read the event, as long as they may read the request. `published_at`: when it was numbered, in
    whole seconds a little ahead, so that no reader has passed it.
    There is no foreign key to the request on purpose: its check would wait for whoever is changing that request.
    """

    __tablename__ = "service_request_change"
    __table_args__ = (
        UniqueConstraint("event_id", "is_farewell"),
        Index("ix_service_request_change_jurisdiction_id_seq", "jurisdiction_id", "seq"),
        Index("ix_service_request_change_agency", "jurisdiction_id", "agency_code", "seq"),
        Index("ix_service_request_change_published", "jurisdiction_id", "published_at", "seq"),
        Index("ix_service_request_change_service_request_id_seq", "service_request_id", "seq"),
    )

    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    event_id: int = Field(sa_type=BigInteger, foreign_key="service_request_event.id", ondelete="CASCADE")
    service_request_id: UUID
    jurisdiction_id: str = Field(sa_type=Text)
    agency_code: str | None = Field(default=None, sa_type=Text)
    is_public: bool
    is_farewell: bool = False
    published_at: datetime = Field(sa_type=Instant)
