"""`servicerequestupdates`, the extension by which agencies and FixMyStreet follow a request and close it.

An update is an event of the request that everybody may read. Its time is the time we recorded it: a client that asks for the
last hours would never see one that is published late under an older time.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.catalog.clients import ApiClient
from intake.open311.context import Audience, City
from intake.open311.forms import Fields
from intake.open311.listing import MAX_ROWS, read_bounds
from intake.service_requests import lifecycle, published, queries
from intake.service_requests.actions import add_note, change_status, lock
from intake.service_requests.instants import read_instant
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import MAX_DESCRIPTION, Actor, InvalidForm
from kernel.errors import InvalidInput, NotFound

_DEFAULT_SPAN = timedelta(hours=2)
_REQUIRED = ("service_request_id", "update_id", "status", "updated_datetime", "description")
_MAX_UPDATE_ID = 200

# What a caller says -> (state, outcome); None leaves the state as it is and keeps the words.
_MEANING: dict[str, tuple[str, str | None] | None] = {
    "OPEN": (lifecycle.REOPENED, None),
    "REOPEN": (lifecycle.REOPENED, None),
    "CLOSED": (lifecycle.CLOSED, "resolved"),
    "FIXED": (lifecycle.CLOSED, "resolved"),
    "DUPLICATE": (lifecycle.CLOSED, "duplicate"),
    "NO_FURTHER_ACTION": (lifecycle.CLOSED, "no_further_action"),
    "CANCELLED": (lifecycle.CLOSED, "cancelled_by_resident"),
    "IN_PROGRESS": (lifecycle.IN_PROGRESS, None),
    "PLANNED": (lifecycle.IN_PROGRESS, None),
    "ACTION_SCHEDULED": (lifecycle.IN_PROGRESS, None),
    "INVESTIGATING": (lifecycle.IN_PROGRESS, None),
    "INTERNAL_REFERRAL": None,
    "NOT_COUNCILS_RESPONSIBILITY": None,
    "FOR_TRIAGE": None,
    "UNCHANGED": None,
}
_SAID_OF_LIFE = {lifecycle.IN_PROGRESS: "in_progress"}
_SAID_OF_OUTCOME = {
    "resolved": "fixed",
    "duplicate": "duplicate",
    "cancelled_by_resident": "cancelled",
    "outside_jurisdiction": "not_councils_responsibility",
}

_FEED = (
    "SELECT e.id, r.folio, e.at, e.public_note, CASE WHEN e.public_note IS NULL THEN e.note END AS note,"
    " e.actor_kind, e.data, r.life, r.outcome_code"
    " FROM service_request_event e JOIN service_request r ON r.id = e.service_request_id"
    " WHERE e.audience = 'public' AND e.name IN ('status_changed', 'noted')"
    " AND e.at >= %(since)s AND e.at < %(until)s AND r.jurisdiction_id = %(jurisdiction_id)s AND {may_read}"
    " ORDER BY e.at, e.id LIMIT %(limit)s"
)


def feed(session: Session, city: City, audience: Audience, query: Fields, *, now: datetime) -> list[dict[str, Any]]:
    """The public updates in the window, of requests that the reader may see, oldest first. Raises InvalidInput.

    Without a window it is the last two hours.
    """
    since, until = read_bounds(query, city.zone, now=now, default_span=_DEFAULT_SPAN)
    values = {"since": since, "until": until, "jurisdiction_id": city.id, "limit": MAX_ROWS, **audience.values}
    rows = session.connection().exec_driver_sql(_FEED.format(may_read=audience.may_read), values)
    return [
        {
            "update_id": str(row.id),
            "service_request_id": row.folio,
            "status": _said(row.data.get("life", row.life), row.data.get("outcome_code", row.outcome_code)),
            "updated_datetime": row.at.astimezone(city.zone).isoformat(timespec="seconds"),
            "description": published.note_for_all(row.note, row.actor_kind)
            if row.note is not None
            else row.public_note,
            "media_url": None,
        }
        for row in rows
    ]


def _said(life: str, outcome_code: str | None) -> str:
    if life == lifecycle.CLOSED:
        return _SAID_OF_OUTCOME.get(outcome_code or "", "no_further_action")
    return _SAID_OF_LIFE.get(life, "open")


def post(session: Session, city: City, client: ApiClient, form: Fields, *, now: datetime) -> dict[str, Any]:
    """Records the agency's update and returns our id for it; the same update again is the same id.

    Raises NotFound for a request that is not this agency's, InvalidForm.
    """
    given = _required(form, city)
    found = queries.by_folio(session, given["service_request_id"], jurisdiction_id=city.id)
    if found is None or found.agency_code != client.agency_code:
        raise NotFound("No existe ese service_request_id.", field="service_request_id")
    # Under the lock, so that the same update sent twice at once is seen by the second.
    service_request = lock(session, found.id)
    known = queries.event_of_update(session, found.id, str(client.id), given["update_id"])
    event_id = known if known is not None else _apply(session, service_request, client, given, now)
    return {"update_id": str(event_id)}


def _required(form: Fields, city: City) -> dict[str, str]:
    problems: list[InvalidInput] = []
    given: dict[str, str] = {}
    for name in _REQUIRED:
        value = form.one(name)
        if value is None:
            problems.append(InvalidInput("{name} required.", field=name, name=name))
        else:
            given[name] = value.strip()
    if given.get("status", "UNCHANGED").upper() not in _MEANING:
        problems.append(InvalidInput("status debe ser uno de: {known}.", field="status", known=", ".join(_MEANING)))
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
    if "updated_datetime" in given:
        try:
            read_instant(given["updated_datetime"], city.zone)
        except ValueError:
            problems.append(
                InvalidInput(
                    "{name} debe ser una fecha ISO 8601, como 2026-11-21T18:00:00-06:00.",
                    field="updated_datetime",
                    name="updated_datetime",
                )
            )
    if problems:
        raise InvalidForm(problems)
    return given


def _apply(
    session: Session, service_request: ServiceRequest, client: ApiClient, given: dict[str, str], now: datetime
) -> int:
    status = given["status"].upper()
    data = {"update_id": given["update_id"], "api_key_id": str(client.id), "external_status": status}
    data["said_at"] = given["updated_datetime"]
    actor = Actor("agency", client.label)
    target = _step(service_request.life, _MEANING[status])
    request_id: UUID = service_request.id
    if target is None:
        note = add_note(
            session, request_id, text=given["description"], audience="public", actor=actor, now=now, data=data
        )
        assert note.id is not None
        return note.id
    life, outcome_code = target
    change_status(
        session,
        request_id,
        life=life,
        outcome_code=outcome_code,
        note=given["description"],
        actor=actor,
        now=now,
        data=data,
    )
    event_id = queries.event_of_update(session, request_id, str(client.id), given["update_id"])
    assert event_id is not None
    return event_id


def _step(life: str, meaning: tuple[str, str | None] | None) -> tuple[str, str | None] | None:
    """The step to take from `life`, or None when the words change nothing: already so, or never closed."""
    if meaning is None or meaning[0] == life:
        return None
    if meaning[0] == lifecycle.REOPENED and life != lifecycle.CLOSED:
        return None
    if meaning[0] == lifecycle.IN_PROGRESS and life == lifecycle.CLOSED:
        return lifecycle.REOPENED, None  # somebody works on it again; the table wants to hear that first
    return meaning
