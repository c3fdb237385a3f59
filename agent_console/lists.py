"""Lists of service requests: filters from a query string, the rows of one page, the counts beside each view.

Shared by the pages that show a list. Keyset paging: a cursor names the last row seen, so page 200 costs what page 1 costs.
"""

import uuid
from dataclasses import dataclass, fields, replace
from datetime import datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, exists, false, func, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from agent_console.access import visible_to
from agent_console.accounts import Viewer
from intake.catalog.models import Service
from intake.service_requests.duplicates.models import DuplicateDecision
from intake.service_requests.models import ServiceRequest
from kernel.errors import InvalidInput

PAGE_SIZE = 50
COUNT_LIMIT = 10_000
# A point that may be off by more than this does not say which side of the street.
UNSURE_M = 150.0
LIVES = ("open", "new", "in_progress", "waiting_resident", "reopened", "returned", "closed", "any")
DUES = ("today", "late", "week", "unanswered", "silent")
ORDERS = ("due", "newest")

_R = ServiceRequest


@dataclass(frozen=True)
class ListFilters:
    """What a list shows, as its query string says; "" filters nothing. `after` is a cursor, not a filter."""

    status: str = "open"
    due: str = ""
    agency: str = ""
    group: str = ""
    channel: str = ""
    place: str = ""
    alike: str = ""
    q: str = ""
    order: str = ""
    after: str = ""

    def query(self, **changes: str) -> str:
        """The query string of this list with `changes`; starts at its first page unless told otherwise."""
        wanted = replace(self, **({"after": ""} | changes))
        pairs = {f.name: value for f in fields(wanted) if (value := getattr(wanted, f.name)) and value != f.default}
        return "?" + urlencode(pairs) if pairs else ""

    @property
    def by_due(self) -> bool:
        """What is due is worked on by its date; everything else is read from the newest, where new work appears."""
        return self.order == "due" or (self.order == "" and self.due != "")


def _filters(
    status: Annotated[str, Query()] = "open",
    due: Annotated[str, Query()] = "",
    agency: Annotated[str, Query(max_length=80)] = "",
    group: Annotated[str, Query(max_length=80)] = "",
    channel: Annotated[str, Query(max_length=40)] = "",
    place: Annotated[str, Query()] = "",
    alike: Annotated[str, Query()] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    order: Annotated[str, Query()] = "",
    after: Annotated[str, Query(max_length=80)] = "",
) -> ListFilters:
    return ListFilters(
        status=status if status in LIVES else "open",
        due=due if due in DUES else "",
        agency=_text(agency),
        group=_text(group),
        channel=_text(channel),
        place=place if place == "unsure" else "",
        alike=alike if alike == "waiting" else "",
        q=" ".join(_text(q).split()),
        order=order if order in ORDERS else "",
        after=after,
    )


def _text(value: str) -> str:
    # PostgreSQL takes no NUL in text, and no person types one.
    return value.replace("\0", "")


FiltersDep = Annotated[ListFilters, Depends(_filters)]


@dataclass(frozen=True)
class ListPage:
    """One page of a list. `total` stops counting at COUNT_LIMIT; `next` is the next page's cursor or ""."""

    requests: list[ServiceRequest]
    total: int
    next: str


def is_open() -> ColumnElement[bool]:
    return col(_R.life) != "closed"


def is_late(now: datetime) -> ColumnElement[bool]:
    """Whose date has passed; while a request waits for the person its date stands still."""
    return and_(col(_R.expected_at) < now, or_(col(_R.paused_at).is_(None), col(_R.expected_at) <= col(_R.paused_at)))


def is_unanswered(now: datetime) -> ColumnElement[bool]:
    return and_(col(_R.first_answered_at).is_(None), col(_R.first_answer_due_at) < now)


def is_silent(now: datetime) -> ColumnElement[bool]:
    return col(_R.silence_due_at) < now


def start_of_day(now: datetime, timezone: str) -> datetime:
    """The last midnight in the city."""
    return datetime.combine(now.astimezone(ZoneInfo(timezone)).date(), time(), ZoneInfo(timezone))


def end_of_day(now: datetime, timezone: str) -> datetime:
    """The coming midnight in the city."""
    local = now.astimezone(ZoneInfo(timezone))
    return datetime.combine(local.date() + timedelta(days=1), time(), ZoneInfo(timezone))


def conditions(session: Session, viewer: Viewer, filters: ListFilters, now: datetime) -> ColumnElement[bool]:
    """What `filters` mean for this viewer, permission included."""
    wanted: list[ColumnElement[bool]] = [visible_to(viewer)]
    if filters.status == "open":
        wanted.append(is_open())
    elif filters.status == "returned":
        wanted += [is_open(), col(_R.handover) == "returned"]
    elif filters.status != "any":
        wanted.append(col(_R.life) == filters.status)
    if filters.due == "late":
        wanted.append(and_(is_open(), is_late(now)))
    elif filters.due == "unanswered":
        wanted.append(and_(is_open(), is_unanswered(now)))
    elif filters.due == "silent":
        wanted.append(and_(is_open(), is_silent(now)))
    elif filters.due:
        days = 0 if filters.due == "today" else 6
        until = end_of_day(now, viewer.timezone) + timedelta(days=days)
        wanted.append(and_(is_open(), col(_R.expected_at) >= now, col(_R.expected_at) < until))
    if filters.agency:
        wanted.append(col(_R.agency_code) == filters.agency)
    if filters.channel:
        wanted.append(col(_R.channel) == filters.channel)
    if filters.group:
        codes = select(Service.code).where(
            Service.jurisdiction_id == viewer.jurisdiction_id, Service.group_code == filters.group
        )
        wanted.append(col(_R.service_code).in_(codes))
    if filters.place:
        wanted.append(unsure_place())
    if filters.alike:
        wanted += [is_open(), waits_for_a_decision(viewer)]
    wanted += [_has_word(viewer, word) for word in filters.q.split()[:8]]
    return and_(*wanted)


def unsure_place() -> ColumnElement[bool]:
    return or_(col(_R.lon).is_(None), func.coalesce(col(_R.precision_m), 0) > UNSURE_M)


def waits_for_a_decision(viewer: Viewer) -> ColumnElement[bool]:
    """Which were found to be perhaps the same as an open one that this viewer may see, and nobody has said yet."""
    pair, said, other = aliased(DuplicateDecision), aliased(DuplicateDecision), aliased(ServiceRequest)
    one, another = col(pair.service_request_id), col(pair.candidate_id)
    # One condition for each direction: with an OR the two tables could only be compared row by row.
    is_said = [
        exists().where(col(said.decision) != "found", col(said.service_request_id) == a, col(said.candidate_id) == b)
        for a, b in ((one, another), (another, one))
    ]
    is_found = exists().where(
        one == col(_R.id),
        col(pair.decision) == "found",
        col(other.id) == another,
        col(other.life) != "closed",
        col(other.parent_id).is_(None),
        col(other.agency_code) == viewer.agency_code if viewer.role == "agency" else true(),
        *(~each for each in is_said),
    )
    return and_(col(_R.parent_id).is_(None), is_found)


# Accents and case do not count, as in every other search of the product. PostgreSQL's unaccent is an extension; this is not.
_ACCENTS, _PLAIN = "áéíóúüñàèìòùâêîôûäëïöç", "aeiouunaeiouaeiouaeioc"


def _plain(text: SQLColumnExpression[str] | SQLColumnExpression[str | None]) -> ColumnElement[str]:
    return func.translate(func.lower(func.coalesce(text, "")), _ACCENTS, _PLAIN)


def _has_word(viewer: Viewer, word: str) -> ColumnElement[bool]:
    plain = word.lower().translate(str.maketrans(_ACCENTS, _PLAIN))
    named = select(Service.code).where(
        Service.jurisdiction_id == viewer.jurisdiction_id,
        _plain(col(Service.name)["es"].astext).contains(plain, autoescape=True)
        | _plain(col(Service.name)["en"].astext).contains(plain, autoescape=True),
    )
    return or_(
        _plain(col(_R.description)).contains(plain, autoescape=True),
        _plain(col(_R.address_string)).contains(plain, autoescape=True),
        col(_R.folio).startswith(plain, autoescape=True),
        col(_R.service_code).in_(named),
    )


def page_of(
    session: Session, viewer: Viewer, filters: ListFilters, *, now: datetime, limit: int = PAGE_SIZE
) -> ListPage:
    """The rows after `filters.after`, in the list's order. Raises InvalidInput for a cursor we did not write."""
    wanted = conditions(session, viewer, filters, now)
    statement = select(_R).where(wanted)
    if filters.after:
        statement = statement.where(_after(filters))
    if filters.by_due:
        # Ascending puts requests without a date last, as PostgreSQL does by default.
        statement = statement.order_by(col(_R.expected_at), col(_R.id))
    else:
        statement = statement.order_by(col(_R.requested_at).desc(), col(_R.id).desc())
    found = list(session.exec(statement.limit(limit + 1)))
    following = _cursor(found[limit - 1], filters) if len(found) > limit else ""
    return ListPage(found[:limit], count(session, wanted), following)


def count(session: Session, wanted: ColumnElement[bool]) -> int:
    """How many there are, without counting past COUNT_LIMIT."""
    some = select(_R.id).where(wanted).limit(COUNT_LIMIT).subquery()
    return session.exec(select(func.count()).select_from(some)).one()


def _cursor(row: ServiceRequest, filters: ListFilters) -> str:
    at = row.expected_at if filters.by_due else row.requested_at
    return f"{at.isoformat() if at else '-'}~{row.id}"


def _after(filters: ListFilters) -> ColumnElement[bool]:
    when, _, identity = filters.after.partition("~")
    try:
        last, at = uuid.UUID(identity), None if when == "-" else datetime.fromisoformat(when)
    except ValueError:
        raise InvalidInput("Esa página de la lista no existe. Vuelve al principio.") from None
    if at is not None and at.tzinfo is None:
        raise InvalidInput("Esa página de la lista no existe. Vuelve al principio.")
    if not filters.by_due:
        if at is None:
            return false()
        return or_(col(_R.requested_at) < at, and_(col(_R.requested_at) == at, col(_R.id) < last))
    if at is None:
        return and_(col(_R.expected_at).is_(None), col(_R.id) > last)
    return or_(
        col(_R.expected_at) > at,
        and_(col(_R.expected_at) == at, col(_R.id) > last),
        col(_R.expected_at).is_(None),
    )


def since_mark(now: datetime) -> uuid.UUID:
    """The smallest id made at `now` or later: ids begin with the milliseconds of their making (UUID version 7)."""
    return uuid.UUID(int=int(now.timestamp() * 1000) << 80)


def newer(session: Session, viewer: Viewer, filters: ListFilters, since: uuid.UUID, now: datetime) -> int:
    """How many requests of this list were made since the mark."""
    wanted = and_(conditions(session, viewer, filters, now), col(_R.id) >= since)
    return count(session, wanted)
