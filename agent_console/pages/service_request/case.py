"""Everything the page of one service request shows, read for one viewer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from agent_console import lists, maps
from agent_console.access import visible_to
from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.pages.service_request import past
from agent_console.pages.service_request.addressee import addressee_of
from agent_console.presentation import Clock, Look, channel_look, sla_clock, status_look
from agent_console.rows import Names, Row, place_of, rows_of
from agent_console.timeline import Day, story
from georef.points import LonLat
from intake.catalog.models import Jurisdiction
from intake.conversations import attachments
from intake.conversations.models import Conversation, Message
from intake.people import actions as people
from intake.people.models import ContactPoint
from intake.service_requests import queries
from intake.service_requests.models import Report, ServiceRequest
from kernel.errors import NotFound
from kernel.i18n import translate
from routing import queries as routing
from routing.certainty import road_edge

_NEIGHBOURS = 9
# A dialogue that ends in a report starts a while before it.
_DIALOGUE = timedelta(minutes=30)
AUDIENCES_OF = {"agency": ("public", "reporter", "agency")}
_ALL_AUDIENCES = ("public", "reporter", "agency", "internal")


@dataclass(frozen=True)
class Reporter:
    """Who reported, masked."""

    name: str
    channel: Look
    wants_notices: bool


@dataclass(frozen=True)
class Promise:
    """The date given, and the share of the time used (0 to 1) for the bar; None when there is nothing to draw."""

    clock: Clock
    share: float | None


def find(session: Session, viewer: Viewer, folio: str) -> ServiceRequest:
    """The request with this folio. Raises NotFound, also for one that this viewer may not see."""
    found = session.exec(
        select(ServiceRequest).where(visible_to(viewer), col(ServiceRequest.folio) == folio)
    ).one_or_none()
    if found is None:
        raise NotFound("No encontramos esa solicitud, o no es para tu cuenta.")
    return found


def reporters_of(session: Session, reports: list[Report], language: str) -> list[Reporter]:
    """One for each report, oldest first, phones and e-mails masked."""
    found: list[Reporter] = []
    for report in reports:
        contact = session.get(ContactPoint, report.contact_point_id) if report.contact_point_id else None
        found.append(
            Reporter(
                name=masked(contact) if contact else translate(language, "Anónimo"),
                channel=channel_look(report.channel, language),
                wants_notices=report.wants_notices and not (contact and people.is_opted_out(session, contact.id)),
            )
        )
    return found


@dataclass(frozen=True)
class Answerable:
    """Whom the composer writes to, in words."""

    name: str
    channel: Look


def answerable(session: Session, reports: list[Report], language: str) -> Answerable | None:
    """None when nobody left a way to be reached."""
    addressee = addressee_of(session, reports)
    if addressee is None:
        return None
    contact = session.get_one(ContactPoint, addressee.contact_point_id)
    return Answerable(masked(contact), channel_look(addressee.channel, language))


def messages_of(
    session: Session, viewer: Viewer, service_request: ServiceRequest, reports: list[Report]
) -> list[Message]:
    """The messages about this request: those that say so, and the unmarked ones around it in its reporters' threads.

    Agency staff get the marked ones only: what else is in a thread may be about another agency's work, or for operators.
    """
    about = [col(Message.service_request_id) == service_request.id]
    for report in reports if viewer.role != "agency" else []:
        if report.conversation_id is None:
            continue
        following = session.exec(
            select(Report.at)
            .where(
                Report.conversation_id == report.conversation_id,
                Report.service_request_id != service_request.id,
                Report.at > report.at,
            )
            .order_by(col(Report.at))
            .limit(1)
        ).first()
        mine = [
            col(Message.conversation_id) == report.conversation_id,
            col(Message.service_request_id).is_(None),
            col(Message.at) >= report.at - _DIALOGUE,
        ]
        if following is not None:
            mine.append(col(Message.at) < following - _DIALOGUE)
        about.append(and_(*mine))
    return list(session.exec(select(Message).where(or_(*about)).order_by(col(Message.seq)).limit(500)))


def days_of(session: Session, viewer: Viewer, service_request: ServiceRequest, now: datetime) -> list[Day]:
    """The timeline."""
    reports = queries.reports_of(session, service_request.id)
    messages = messages_of(session, viewer, service_request, reports)
    events = queries.events_of(session, service_request.id, AUDIENCES_OF.get(viewer.role, _ALL_AUDIENCES))
    people = _names_by_thread(session, reports, messages)
    people[past.key_of(service_request)] = past.name_of(service_request, viewer.language)
    return story(
        [*past.events_of(service_request, events), *events],
        messages,
        [*past.reports_of(service_request), *reports],
        people=people,
        timezone=viewer.timezone,
        language=viewer.language,
        now=now,
        attachments=attachments.of_messages(session, [message.id for message in messages]),
        # Of its agency's requests an agency has the photos on the page itself, and of the thread nothing else.
        opens=viewer.role != "agency",
    )


def _names_by_thread(session: Session, reports: list[Report], messages: list[Message]) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for report in reports:
        contact = session.get(ContactPoint, report.contact_point_id) if report.contact_point_id else None
        if contact:
            names[contact.id] = masked(contact)
    for conversation_id in {message.conversation_id for message in messages}:
        conversation = session.get_one(Conversation, conversation_id)
        names[conversation_id] = masked(session.get_one(ContactPoint, conversation.contact_point_id))
    return names


def drawing_of(
    session: Session, service_request: ServiceRequest, receipt: Mapping[str, Any] | None
) -> maps.Drawing | None:
    """The map around the point, or None without a point."""
    if service_request.lon is None or service_request.lat is None:
        return None
    point = LonLat(service_request.lon, service_request.lat)
    border = (receipt or {}).get("border") or {}
    key = border.get("layer") or "district"
    day, city_id = service_request.requested_at.date(), service_request.jurisdiction_id
    held = routing.areas_at(session, city_id, point, day).get(key, [])
    along = road_edge(receipt) if receipt else None
    line = routing.line_on(session, city_id, along.layer, along.code, day) if along else None
    # Of a border and a road's edge, the nearer one is the one to measure; a road that owns the place is always shown.
    is_road = along is not None and line is not None and (along.is_owner or along.metres < border.get("metres", 1e9))
    return maps.draw(
        session.get_one(Jurisdiction, city_id).basemap,
        point,
        precision_m=service_request.precision_m,
        area=held[0].geometry if held else None,
        area_name=held[0].name if held else "",
        border_m=along.metres if is_road and along else border.get("metres"),
        road=maps.Road(line, along.tolerance_m, along.is_owner, along.name)
        if is_road and along and line is not None
        else None,
    )


def promise_of(service_request: ServiceRequest, viewer: Viewer, now: datetime) -> Promise:
    """How the date given to the resident stands."""
    clock = sla_clock(
        requested_at=service_request.requested_at,
        expected_at=service_request.expected_at,
        closed_at=service_request.closed_at,
        life=service_request.life,
        now=now,
        language=viewer.language,
        paused_at=service_request.paused_at,
    )
    is_late = service_request.closed_at is None and clock.css == "late"
    return Promise(clock, 1.0 if is_late else clock.share)


def neighbours(
    session: Session, viewer: Viewer, filters: lists.ListFilters, known: Names, now: datetime
) -> tuple[list[Row], int]:
    """The first rows of the list this page was opened from, and how long that list is."""
    page = lists.page_of(session, viewer, filters, now=now, limit=_NEIGHBOURS)
    return rows_of(page.requests, known, viewer, now=now), page.total


def header_of(service_request: ServiceRequest, known: Names, viewer: Viewer) -> dict[str, Any]:
    """Title, state and place."""
    return {
        "what": known.services.get(service_request.service_code, service_request.service_code),
        "status": status_look(
            service_request.life, service_request.outcome_code, service_request.handover, viewer.language
        ),
        "where": place_of(service_request),
        "agency": known.agencies.get(service_request.agency_code or "", ""),
        "channel": channel_look(service_request.channel, viewer.language),
    }
