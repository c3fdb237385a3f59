"""POST `servicerequestupdates`: an agency's system says what became of a request. Once, whatever is sent twice."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from intake.catalog.clients import ApiClient
from intake.media.actions import attach
from intake.media.values import Received
from intake.open311.context import City
from intake.open311.extensions import require
from intake.open311.forms import Fields
from intake.open311.models import UpdateKey
from intake.open311.submitting import MAX_IDEMPOTENCY_KEY, read_media_url
from intake.open311.update_words import HANDS_BACK, KEPT_TEXTS, MEANING, SAME_AS, STALE, UNJOINED, Target, step
from intake.service_requests import lifecycle, queries
from intake.service_requests.actions import add_note, change_status, lock
from intake.service_requests.duplicates import merging
from intake.service_requests.instants import read_instant
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.returning import HELD, check_suggestion, keep_return
from intake.service_requests.values import MAX_DESCRIPTION, Actor, InvalidForm
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import translate

_REQUIRED = ("service_request_id", "update_id", "status", "updated_datetime", "description")
_MAX_UPDATE_ID = 200
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:digest, 0))")


@dataclass(frozen=True, slots=True)
class Update:
    """The form, read. `said_at`: when the caller's system says it happened. `same_as`: the folio that it is a duplicate of."""

    folio: str
    update_id: str
    status: str
    said_at: datetime
    description: str
    media_urls: list[str]
    suggested_agency: str | None = None
    same_as: str | None = None


def is_new(session: Session, city: City, client: ApiClient, form: Fields, *, idempotency_key: str | None) -> bool:
    """Whether this update was not recorded before. Raises as `post` does."""
    require("servicerequestupdates", city.extensions_off)
    update = read_update(form, city)
    if _under_key(session, city, client, idempotency_key) is not None:
        return False
    found = queries.by_folio(session, update.folio, jurisdiction_id=city.id)
    if found is None:
        raise _unknown()
    if queries.event_of_update(session, found.id, str(client.id), update.update_id) is not None:
        return False
    if found.agency_code != client.agency_code:
        raise _unknown()
    if client.agency_code is not None:
        check_suggestion(session, city.id, client.agency_code, update.suggested_agency)
    return True


def post(
    session: Session,
    city: City,
    client: ApiClient,
    form: Fields,
    *,
    idempotency_key: str | None,
    now: datetime,
    photos: Received,
) -> dict[str, Any]:
    """Records the agency's update with its photos and returns our id for it; the same update again is the same id.

    Names, telephones and e-mails that come along are not kept. Raises NotFound for a request that is not this agency's,
    InvalidForm.
    """
    update = read_update(form, city)
    known = _under_key(session, city, client, idempotency_key)
    event_id = known if known is not None else _record(session, city, client, update, photos, now)
    if idempotency_key and known is None and "idempotency_key" not in city.extensions_off:
        session.add(UpdateKey(api_key_id=client.id, key=idempotency_key, event_id=event_id, at=now))
    return _answer(session, city, event_id, photos)


def _under_key(session: Session, city: City, client: ApiClient, idempotency_key: str | None) -> int | None:
    """The event that this `Idempotency-Key` has already made. Two at once take turns."""
    if not idempotency_key or "idempotency_key" in city.extensions_off:
        return None
    if len(idempotency_key) > MAX_IDEMPOTENCY_KEY:
        raise InvalidInput("Idempotency-Key es demasiado larga.", field="Idempotency-Key")
    digest = sha256(f"update\0{client.id}\0{idempotency_key}".encode()).hexdigest()
    session.connection().execute(_TAKE_TURN, {"digest": digest})
    known = session.get(UpdateKey, (client.id, idempotency_key))
    return known.event_id if known else None


def _record(session: Session, city: City, client: ApiClient, update: Update, photos: Received, now: datetime) -> int:
    found = queries.by_folio(session, update.folio, jurisdiction_id=city.id)
    if found is None:
        raise _unknown()
    parent_id = _named_parent(session, city, update)
    # Under the lock, so that the same update sent twice at once is seen by the second.
    taking_part = merging.taking_part(session, found.id, parent_id) if parent_id else ()
    service_request = lock(session, found.id, also=taking_part)
    known = queries.event_of_update(session, found.id, str(client.id), update.update_id)
    if known is not None:  # also when the request has gone to somebody else since
        return known
    if service_request.agency_code != client.agency_code:
        raise _unknown()
    if client.agency_code is not None:
        check_suggestion(session, city.id, client.agency_code, update.suggested_agency)
    event_id = _apply(session, service_request, client, update, city, parent_id, now)
    attach(session, service_request, photos.ids, now=now, event_id=event_id)
    return event_id


def _named_parent(session: Session, city: City, update: Update) -> UUID | None:
    """What the update says it is a duplicate of, as far as everybody may see that."""
    if update.status != SAME_AS or update.same_as is None:
        return None
    found = queries.by_folio(session, update.same_as, jurisdiction_id=city.id)
    return found.id if found is not None and found.is_public else None


def _unknown() -> NotFound:
    return NotFound("No existe ese service_request_id.", field="service_request_id")


def _answer(session: Session, city: City, event_id: int, photos: Received) -> dict[str, Any]:
    answer: dict[str, Any] = {"update_id": str(event_id)}
    kept = session.get_one(ServiceRequestEvent, event_id).data.get("kept")
    notices = [translate(city.language, KEPT_TEXTS[kept])] if kept else []
    notices += [problem.public_text(city.language) for problem in photos.problems]
    if notices:
        answer["service_notice"] = " ".join(notices)
    return answer


def read_update(form: Fields, city: City) -> Update:
    """Raises InvalidForm with everything that is wrong."""
    problems: list[InvalidInput] = []
    given: dict[str, str] = {}
    for name in _REQUIRED:
        value = form.one(name)
        if value is None:
            problems.append(InvalidInput("{name} required.", field=name, name=name))
        else:
            given[name] = value.strip()
    if given.get("status", "UNCHANGED").upper() not in MEANING:
        problems.append(InvalidInput("status debe ser uno de: {known}.", field="status", known=", ".join(MEANING)))
    if len(given.get("description", "")) > MAX_DESCRIPTION:
        problems.append(
            InvalidInput(
                "La descripción es demasiado larga: caben {limit} letras.", field="description", limit=MAX_DESCRIPTION
            )
        )
    if len(given.get("update_id", "")) > _MAX_UPDATE_ID:
        problems.append(
            InvalidInput(
                "{name} es demasiado largo: caben {limit} letras.",
                field="update_id",
                name="update_id",
                limit=_MAX_UPDATE_ID,
            )
        )
    said_at = _said_at(given.get("updated_datetime"), city, problems)
    media_urls = [read_media_url(url.strip(), problems) for url in form.all("media_url")]
    if problems:
        raise InvalidForm(problems)
    return Update(
        folio=given["service_request_id"],
        update_id=given["update_id"],
        status=given["status"].upper(),
        said_at=said_at,
        description=given["description"],
        media_urls=media_urls,
        suggested_agency=(form.one("suggested_agency") or "").strip() or None,
        same_as=(form.one("duplicate_of") or form.one("parent_service_request_id") or "").strip() or None,
    )


def _said_at(value: str | None, city: City, problems: list[InvalidInput]) -> datetime:
    try:
        return read_instant(value, city.zone).astimezone(UTC) if value else datetime.min.replace(tzinfo=UTC)
    except ValueError:
        problems.append(
            InvalidInput(
                "{name} debe ser una fecha ISO 8601, como 2026-11-21T18:00:00-06:00.",
                field="updated_datetime",
                name="updated_datetime",
            )
        )
        return datetime.min.replace(tzinfo=UTC)


def _apply(
    session: Session,
    service_request: ServiceRequest,
    client: ApiClient,
    update: Update,
    city: City,
    parent_id: UUID | None,
    now: datetime,
) -> int:
    request_id: UUID = service_request.id
    # A clock that runs ahead must not make everything that it says later look old.
    said_at = min(update.said_at, now)
    target, kept = step(service_request.life, service_request.outcome_code, update.status)
    if target is not None and _is_stale(session, service_request, client, target, said_at, city):
        target, kept = None, STALE
    data: dict[str, Any] = {
        "update_id": update.update_id,
        "api_key_id": str(client.id),
        "external_status": update.status,
        "said_at": said_at.isoformat(),
    }
    if update.media_urls:
        data["media_urls"] = update.media_urls
    actor = Actor("agency", client.label)
    is_same = kept is None and update.status == SAME_AS and update.same_as is not None
    if is_same and service_request.parent_id is None:
        story = update.description, data
        if parent_id is not None and _join(session, request_id, parent_id, story, actor, now):
            return _event_of(session, request_id, client, update)
        kept = UNJOINED
    if kept is not None:
        data["kept"] = kept
    if target is None:
        note = add_note(
            session, request_id, text=update.description, audience="public", actor=actor, now=now, data=data
        )
        if update.status == HANDS_BACK and service_request.handover in HELD and service_request.closed_at is None:
            keep_return(
                session, service_request, note, reason=update.description, suggested=update.suggested_agency, now=now
            )
        assert note.id is not None
        return note.id
    life, outcome_code = target
    note_text = update.description
    change_status(
        session, request_id, life=life, outcome_code=outcome_code, note=note_text, actor=actor, now=now, data=data
    )
    return _event_of(session, request_id, client, update)


def _event_of(session: Session, request_id: UUID, client: ApiClient, update: Update) -> int:
    event_id = queries.event_of_update(session, request_id, str(client.id), update.update_id)
    assert event_id is not None
    return event_id


def _join(
    session: Session,
    request_id: UUID,
    parent_id: UUID,
    story: tuple[str, dict[str, Any]],
    actor: Actor,
    now: datetime,
) -> bool:
    """Makes it a duplicate of the parent, in the agency's own words; False, and nothing done, for two that cannot be one."""
    try:
        with session.begin_nested():
            merging.merge(session, request_id, parent_id, actor=actor, now=now, said=story)
    except (Conflict, NotFound):
        return False
    return True


def _is_stale(
    session: Session,
    service_request: ServiceRequest,
    client: ApiClient,
    target: Target,
    said_at: datetime,
    city: City,
) -> bool:
    """Whether the same system has said something newer already, or it would open again what somebody else closed later."""
    story = queries.events_of(session, service_request.id)
    mine = [event for event in story if event.data.get("api_key_id") == str(client.id)]
    if any(said_at < read_instant(event.data["said_at"], city.zone) for event in mine if "said_at" in event.data):
        return True
    closing = next((event for event in reversed(story) if event.data.get("life") == lifecycle.CLOSED), None)
    is_reopening = target[0] == lifecycle.REOPENED and closing is not None
    # What the same system closed is judged by its own clock alone.
    return is_reopening and closing not in mine and closing is not None and said_at < closing.at
