"""What came with a message besides words: one row for each thing, whatever becomes of its bytes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id

WAITING, STORED, REFUSED, GONE = "waiting", "stored", "refused", "gone"


def photo_key(storage_key: str) -> str:
    return f"{storage_key}-photo.jpg"


def thumb_key(storage_key: str) -> str:
    return f"{storage_key}-thumb.jpg"


def file_key(storage_key: str) -> str:
    return f"{storage_key}-file"


class MessageAttachment(SQLModel, table=True):
    """One attachment. kind: as of `InboundMedia`; content_type, file_name, size_bytes: what its sender or network says of it.

    state: `waiting` for its bytes, `stored`, `refused` (it is shown as a placeholder, `reason` says why) or `gone` (nobody has
    it any more). held: bytes that came inside the message, until they are stored. stored_*: what we keep, by its own bytes; of a
    photo a JPEG of ours and its thumbnail. media_file_id: the photo of a request that was made of it. place_*: `photo_places`.
    """

    __tablename__ = "message_attachment"
    __table_args__ = (
        UniqueConstraint("message_id", "position"),
        CheckConstraint("state IN ('waiting', 'stored', 'refused', 'gone')", name="state"),
        Index("ix_message_attachment_waiting", "changed_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_message_attachment_place", "changed_at", postgresql_where=text("place_sealed IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    message_id: UUID = Field(foreign_key="message.id")
    position: int
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    channel: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    reference: str = Field(default="", sa_type=Text)
    content_type: str = Field(default="", sa_type=Text)
    file_name: str = Field(default="", sa_type=Text)
    size_bytes: int | None = None
    held: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: str = Field(default=WAITING, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    attempts: int = 0
    sha256: bytes | None = Field(default=None, sa_type=LargeBinary)
    storage_key: str | None = Field(default=None, sa_type=Text)
    stored_type: str | None = Field(default=None, sa_type=Text)
    stored_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    media_file_id: UUID | None = Field(default=None, foreign_key="media_file.id")
    place_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    place_offered_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)

    @property
    def is_photo(self) -> bool:
        """Whether what is stored is a picture."""
        return self.state == STORED and self.width is not None
