"""One photo: from the bytes somebody sent to the JPEG that we show."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id

RESERVED, DISCARDED = "reserved", "discarded"
RECEIVED, READY, UNREADABLE = "received", "ready", "unreadable"


class MediaFile(SQLModel, table=True):
    """A photo and where its bytes are.

    state: `reserved` (its bytes are being stored, or wait for a report), `discarded` (nobody took it, its bytes are being
    removed), `received` (it belongs to a request and waits to be decoded), `ready`, `unreadable`. sha256 and sent_*: of the bytes
    as sent; width, height, *_bytes: of our JPEG and its thumbnail. `event_id`: the update it came with, None for the report
    itself. `is_public`: nobody of the staff has hidden it; whether the public sees it depends on its request too.
    """

    __tablename__ = "media_file"
    __table_args__ = (
        CheckConstraint("state IN ('reserved', 'discarded', 'received', 'ready', 'unreadable')", name="state"),
        CheckConstraint("(state IN ('reserved', 'discarded')) = (service_request_id IS NULL)", name="attached"),
        # The same picture twice on one request is one photo.
        UniqueConstraint("service_request_id", "sha256"),
        Index("ix_media_file_original", "changed_at", postgresql_where=text("keeps_original")),
        Index("ix_media_file_event_id", "event_id", postgresql_where=text("event_id IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    service_request_id: UUID | None = Field(default=None, foreign_key="service_request.id")
    event_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("service_request_event.id"), nullable=True)
    )
    position: int = 0
    sha256: bytes = Field(sa_type=LargeBinary)
    sent_type: str = Field(sa_type=Text)
    sent_bytes: int
    storage_key: str = Field(sa_type=Text, unique=True)
    keeps_original: bool = True
    state: str = Field(default=RESERVED, sa_type=Text)
    is_public: bool = True
    width: int | None = None
    height: int | None = None
    photo_bytes: int | None = None
    thumb_bytes: int | None = None
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)

    @property
    def original_key(self) -> str:
        return f"{self.storage_key}-original"

    @property
    def photo_key(self) -> str:
        return f"{self.storage_key}-photo.jpg"

    @property
    def thumb_key(self) -> str:
        return f"{self.storage_key}-thumb.jpg"
