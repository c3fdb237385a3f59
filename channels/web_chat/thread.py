"""What a visitor sees of their own thread, and noting that they saw it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

from channels.resident.rendering import Page
from channels.web_chat.calls import CHANNEL
from channels.web_chat.tokens import Visitor
from intake.conversations import attachments
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import Conversation, Message
from intake.conversations.receipts import apply_receipt
from intake.conversations.values import Choice, DeliveryReceipt
from intake.people.addresses import Address
from intake.people.queries import contact_point_of
from intake.service_requests.models import ServiceRequest
from kernel.dates import moment_in_words
from kernel.i18n import translate

MOST = 100
# What the channel has taken, and what the page has said of it since. A message on its way is not there yet.
_SHOWN = ("accepted", "sent", "delivered", "read")
_KINDS = {
    "photo": "Foto",
    "voice": "Nota de voz",
    "audio": "Audio",
    "video": "Video",
    "document": "Documento",
}


@dataclass(frozen=True)
class Part:
    """Something that came with a message. photo_id: of a photo that can be shown; "" for what is only named."""

    text: str
    photo_id: str = ""


@dataclass(frozen=True)
class Bubble:
    """One message. client_id: what the page called it before it was sent. day: said above the first message of a day."""

    id: UUID
    is_mine: bool
    who: str
    body: str
    client_id: str
    at: datetime
    day: str
    time: str
    state: str
    parts: Sequence[Part]
    has_place: bool
    folio: str


@dataclass(frozen=True)
class Thread:
    """choices: what the last message offers to press. asks_place: a shared place answers it. waits: theirs is the last word."""

    bubbles: Sequence[Bubble] = ()
    choices: Sequence[Choice] = ()
    asks_place: bool = False
    waits: bool = False
    is_cut: bool = False


def messages_of(session: Session, visitor: Visitor) -> list[Message]:
    """What this visitor wrote and what reached their page, oldest first; never anybody else's."""
    contact_point = contact_point_of(session, visitor.city, Address(CHANNEL, visitor.id, visitor.id))
    if contact_point is None:
        return []
    statement = (
        select(Message)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .where(
            Conversation.contact_point_id == contact_point.id,
            Conversation.channel == CHANNEL,
            or_(col(Message.direction) == "inbound", col(Message.status).in_(_SHOWN)),
        )
        .order_by(col(Message.seq).desc())
        .limit(MOST + 1)
    )
    return list(session.exec(statement))[::-1]


def conversation_ids(session: Session, visitor: Visitor) -> set[str]:
    """The threads whose events concern this visitor."""
    contact_point = contact_point_of(session, visitor.city, Address(CHANNEL, visitor.id, visitor.id))
    if contact_point is None:
        return set()
    owned = select(Conversation.id).where(
        Conversation.contact_point_id == contact_point.id, Conversation.channel == CHANNEL
    )
    return {str(found) for found in session.exec(owned)}


def thread_of(session: Session, messages: Sequence[Message], page: Page) -> Thread:
    """The thread in words."""
    is_cut, messages = len(messages) > MOST, messages[-MOST:]
    folios = _public_folios(session, messages)
    answered_at = max((m.seq or 0 for m in messages if m.direction == "outbound"), default=0)
    kept = attachments.of_messages(session, [message.id for message in messages if message.media])
    bubbles: list[Bubble] = []
    for message in messages:
        day = _day(message.at, page)
        is_new_day = not bubbles or _day(bubbles[-1].at, page) != day
        parts = _parts(message, kept.get(message.id, ()), page.language)
        bubbles.append(_bubble(message, page, folios, parts, day=day if is_new_day else "", answered_at=answered_at))
    last = messages[-1] if messages else None
    asks = last if last is not None and last.direction == "outbound" else None
    return Thread(
        bubbles,
        Choice.of_json(asks.choices) if asks else (),
        asks_place=bool(asks and asks.asks_place),
        waits=last is not None and asks is None,
        is_cut=is_cut,
    )


def offered(messages: Sequence[Message], value: str) -> Choice | None:
    """The choice of this value that one of the messages offers, the newest first."""
    for message in reversed(messages):
        for choice in Choice.of_json(message.choices):
            if choice.value == value:
                return choice
    return None


def note_seen(session: Session, messages: Sequence[Message], status: str, *, now: datetime) -> None:
    """The page has these messages (`delivered`), or somebody looks at them (`read`)."""
    earlier = _SHOWN[: _SHOWN.index(status)]
    for message in messages:
        if message.direction == "outbound" and message.status in earlier and message.provider_message_id:
            receipt = DeliveryReceipt(CHANNEL, message.provider_message_id, str(message.id), status)
            apply_receipt(session, receipt, now=now)


def _bubble(
    message: Message, page: Page, folios: dict[UUID, str], parts: Sequence[Part], *, day: str, answered_at: int
) -> Bubble:
    is_mine = message.direction == "inbound"
    local = message.at.astimezone(ZoneInfo(page.city.timezone))
    is_seen = message.status == "handled" and (message.seq or 0) < answered_at
    choices = Choice.of_json(message.choices)
    return Bubble(
        id=message.id,
        is_mine=is_mine,
        who=_who(message, page),
        body=(message.prompt or message.body) if choices else message.body,
        client_id=_client_id(message) if is_mine else "",
        at=message.at,
        day=day,
        time=f"{local.hour}:{local.minute:02d}",
        state=translate(page.language, "Visto" if is_seen else "Enviado") if is_mine else "",
        parts=parts,
        has_place=is_mine and message.lon is not None,
        folio=folios.get(message.service_request_id, "") if message.service_request_id and not is_mine else "",
    )


def _client_id(message: Message) -> str:
    """What the page called it; "" for a message that no page sent."""
    parts = (message.provider_message_id or "").split(".")
    return parts[1] if len(parts) == 3 else ""


def _who(message: Message, page: Page) -> str:
    if message.direction == "inbound":
        return translate(page.language, "Tú")
    if message.author_kind == "agent":
        return message.author_name.split(" ")[0] or page.city.name
    return translate(page.language, "Respuesta automática") if message.author_kind == "dialogue" else page.city.name


def _parts(message: Message, rows: Sequence[MessageAttachment], language: str) -> Sequence[Part]:
    photos = {row.position: str(row.id) for row in rows if row.is_photo}
    return [
        Part(_named(one.get("kind", ""), one.get("file_name", ""), language), photos.get(position, ""))
        for position, one in enumerate(message.media)
    ]


def _named(kind: str, file_name: str, language: str) -> str:
    word = translate(language, _KINDS.get(kind, "Archivo"))
    return f"{word}: {file_name}" if file_name else word


def _day(at: datetime, page: Page) -> str:
    return moment_in_words(at, page.city.timezone, page.language, now=page.now).rpartition(",")[0]


def _public_folios(session: Session, messages: Sequence[Message]) -> dict[UUID, str]:
    """Of the requests that messages are about, those that everybody may follow by their folio."""
    ids = {message.service_request_id for message in messages if message.service_request_id is not None}
    if not ids:
        return {}
    found = session.exec(select(ServiceRequest).where(col(ServiceRequest.id).in_(ids), col(ServiceRequest.is_public)))
    return {request.id: request.folio for request in found}
