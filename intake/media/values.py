"""What a photo is on its way in. Values only."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from kernel.errors import InvalidInput


class NotAPhoto(InvalidInput):
    """A file that cannot be kept as a photo; its text names it by its `number` among the files sent, from 1."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file as it was sent. What its sender called it, or its type, is not even read: the bytes decide."""

    data: memoryview | bytes

    def digest(self) -> bytes:
        return sha256(self.data).digest()


@dataclass(frozen=True, slots=True)
class Look:
    """What the first bytes say. width, height in pixels; None when the type is only looked into where it is decoded."""

    media_type: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Rendition:
    """A JPEG of ours: sRGB, upright, without metadata."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Received:
    """The photos that are stored and wait to be attached, and what is said about the files that are not."""

    ids: tuple[UUID, ...] = ()
    problems: tuple[InvalidInput, ...] = ()
