"""What the dialogue may know about a thread and its city while it looks at one message."""

from datetime import datetime, timedelta

from sqlmodel import Session

from georef.gazetteer import Gazetteer
from georef.points import LonLat
from georef.written import point_in
from intake.catalog import cities
from intake.catalog import queries as catalog
from intake.catalog.definitions import emergency_phone, women_phone
from intake.classifier import queries as classifier
from intake.conversations import photo_places, queries, wording
from intake.conversations.alike import find_alike
from intake.conversations.announced import find_incidents
from intake.conversations.borders import find_border
from intake.conversations.dialogue import other_address
from intake.conversations.dialogue.state import EXPIRES_AFTER, Place
from intake.conversations.dialogue.steps import (
    DialogueContext,
    HalfTold,
    Recent,
    Told,
)
from intake.conversations.dialogue.words import PHOTO_PLACE, plain
from intake.conversations.models import Conversation, Message
from intake.conversations.placing import find_places
from intake.conversations.values import VOICE
from intake.people import codes
from routing import queries as routing

_MOST_SERVICES = 6
LATELY = timedelta(hours=48)
# Where each message costs money, or a wait of hours, nothing is read back before a report is made.
_COSTLY = ("sms", "email")
# What a phone in the street knows of where it is.
SHARED_PRECISION_M = 20.0
# A card, a sticker or a dice shows nobody what is broken.
_SHOW_SOMETHING = ("photo", "video", "voice", "audio", "document")
_CORNER_M = 120.0


def context_of(session: Session, conversation: Conversation, message: Message, now: datetime) -> DialogueContext:
    """The catalogue, the gazetteer, and what this person was told or reported lately."""
    known = catalog.catalog(session, conversation.jurisdiction_id)
    city = cities.city(session, conversation.jurisdiction_id)

    told = queries.notice_before(session, message)
    gazetteer = routing.gazetteer(session, conversation.jurisdiction_id)
    taken = _taken(session, conversation, message, now)
    shown = [part["kind"] for part in message.media if part.get("kind") in _SHOW_SOMETHING]
    return DialogueContext(
        now=now,
        services=known.by_code,
        retired=known.retired,
        match_services=classifier.matcher(session, conversation.jurisdiction_id, known.services, _MOST_SERVICES),
        find_places=lambda words: find_places(gazetteer, words),
        city=city.name,
        media_count=len(shown),
        media_kind=shown[0] if shown else "photo",
        hears_programs=message.channel == "email",
        shared=_shared(message, conversation.language, gazetteer)
        or (_labelled(taken, "taken_place", conversation.language, gazetteer) if taken else None),
        is_photo_place=taken is not None,
        recent=_recent(session, conversation, message, now),
        half_told=_half_told(session, conversation, message, now) if shown else None,
        reads_back=conversation.channel not in _COSTLY,
        is_spoken=conversation.channel == VOICE,
        told=Told(told.folio, told.life) if told else None,
        emergency_phone=emergency_phone(city.settings),
        women_phone=women_phone(city.settings),
        code=_code(session, conversation, message, now),
        find_alike=lambda report: find_alike(session, conversation, report, now=now),
        find_border=lambda report: find_border(session, conversation.jurisdiction_id, report, now=now),
        find_incidents=lambda service, place: find_incidents(session, conversation, service, place, now=now),
    )


def _shared(message: Message, language: str, gazetteer: Gazetteer) -> Place | None:
    """The place that came with the message, or was copied into it from a map: by its own name, else by the corner next to it."""
    is_sent = message.lon is not None and message.lat is not None
    point = LonLat(message.lon or 0, message.lat or 0) if is_sent else point_in(message.body)
    if point is None:
        return None
    if message.place_label:
        return Place(message.place_label, point.lon, point.lat, SHARED_PRECISION_M)
    return _labelled(point, "shared_place", language, gazetteer)


def _taken(session: Session, conversation: Conversation, message: Message, now: datetime) -> LonLat | None:
    """The place of a photo of the report that is being told, when this message says that it may be used."""
    is_said = (
        conversation.state == "automatic"
        and bool(conversation.dialogue.get("draft"))
        and not message.media
        and plain(message.body) in PHOTO_PLACE
    )
    return photo_places.kept(session, conversation.id, now=now) if is_said else None


def _labelled(point: LonLat, nameless: str, language: str, gazetteer: Gazetteer) -> Place:
    """nameless: the label of a place that no corner is next to."""
    corner = gazetteer.corner_near(point, _CORNER_M)
    near = wording.say(language, "labels", "shared_near", place=corner.name) if corner else None
    label = near or wording.say(language, "labels", nameless)
    return Place(label, point.lon, point.lat, SHARED_PRECISION_M)


def _code(session: Session, conversation: Conversation, message: Message, now: datetime) -> str:
    """How the code stands that this message may be."""
    digits = other_address.typed(message.body)
    return codes.look(session, conversation.contact_point_id, digits, now=now) if digits else ""


def _half_told(session: Session, conversation: Conversation, message: Message, now: datetime) -> HalfTold | None:
    """The report that this person is telling in another thread, where none is told in this one."""
    if conversation.dialogue.get("draft"):
        return None
    at = queries.half_told_at(session, conversation, now - EXPIRES_AFTER)
    return HalfTold((now - at) / timedelta(hours=1)) if at else None


def _recent(session: Session, conversation: Conversation, message: Message, now: datetime) -> tuple[Recent, ...]:
    """What this person reported lately, for a picture that says nothing by itself."""
    if not message.media:
        return ()
    found = queries.recent_requests_of(session, conversation.person_id, conversation.jurisdiction_id, now - LATELY)
    known = catalog.catalog(session, conversation.jurisdiction_id)
    services = {**known.retired, **known.by_code}
    return tuple(
        Recent(request.folio, services[request.service_code].name, (now - at) / timedelta(hours=1))
        for request, at in found
        if request.service_code in services
    )
