"""What channels hand to conversations: a message that came in, and what became of one that went out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

# The channel of calls: what is said on it is spoken in the answer to the same webhook, and every call is a thread of its own.
VOICE = "voice"

MediaKind = Literal["photo", "voice", "audio", "video", "document", "sticker", "contact", "other"]


_KINDS: Mapping[str, MediaKind] = {"image": "photo", "audio": "audio", "video": "video"}


def kind_of(content_type: str) -> MediaKind:
    """What somebody calls a thing of this media type; a document for what no name fits."""
    if content_type.startswith(("text/vcard", "text/x-vcard")):
        return "contact"
    return _KINDS.get(content_type.partition("/")[0].strip().lower(), "document")


@dataclass(frozen=True, slots=True)
class InboundMedia:
    """Something that came with a message. reference: the provider's address or id of it; data: its bytes, if they came inside."""

    kind: MediaKind
    reference: str = ""
    content_type: str = ""
    file_name: str = ""
    size_bytes: int | None = None
    data: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """What is kept with the message: all but the bytes."""
        # PostgreSQL's JSON has no NUL either.
        told = {
            key: value.replace("\0", "") if isinstance(value, str) else value for key, value in asdict(self).items()
        }
        return {key: value for key, value in told.items() if key != "data" and value not in ("", None)}


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A place somebody sent from their phone or picked on a map. WGS84; precision_m: how sure the phone was."""

    lon: float
    lat: float
    label: str = ""
    precision_m: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that is offered to press. value: comes back as `InboundMessage.choice`; letters, digits and `.` only."""

    value: str
    label: str
    description: str = ""

    @classmethod
    def of_json(cls, values: Sequence[Mapping[str, str]]) -> "tuple[Choice, ...]":
        return tuple(cls(**one) for one in values)


@dataclass(frozen=True)
class InboundMessage:
    """One message as a channel read it. sender, recipient: addresses as received.

    sender_kind: how `sender` is read, a kind of contact point; `sender` for a telephone network's, which may be a machine's.
    choice: the value of the button that was pressed; body is then its label. shared_phone: only one that the network says is
    their own. album: what messages that were sent together have in common. reply_to, edits: provider ids of the message that this
    one answers, or takes the place of.
    """

    channel: str
    provider_message_id: str
    sender: str
    recipient: str
    body: str
    received_at: datetime
    media: Sequence[InboundMedia] = ()
    sender_kind: str = "sender"
    place: SharedPlace | None = None
    choice: str | None = None
    profile_name: str = ""
    shared_phone: str | None = None
    album: str | None = None
    reply_to: str | None = None
    edits: str | None = None
    subject: str = ""
    language: str | None = None


@dataclass(frozen=True)
class DeliveryReceipt:
    """What a provider says became of a message. client_ref: our message's id as the provider gives it back, when it does.

    status: accepted, sent, delivered, read, undelivered or failed.
    """

    channel: str
    provider_message_id: str
    client_ref: str | None
    status: str
    error_code: str | None = None
