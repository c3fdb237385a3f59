"""A service request as one row of a list."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.presentation import Clock, Look, ago, channel_look, sla_clock, status_look
from agent_console.rendering import STATIC
from intake.catalog.definitions import text_in
from intake.catalog.models import Service
from intake.service_requests.models import ServiceRequest
from routing.models import Agency


@dataclass(frozen=True)
class Row:
    """What a list shows of a request, in the reader's language."""

    id: str
    folio: str
    what: str
    where: str
    words: str
    reports: int
    status: Look
    clock: Clock
    agency: str
    channel: Look
    when: str


@dataclass(frozen=True)
class Names:
    """Names by code, of services that are no longer offered too: old requests keep theirs. `icons` are the groups'."""

    services: Mapping[str, str]
    groups: Mapping[str, str]
    icons: Mapping[str, str]
    agencies: Mapping[str, str]


@cache
def _icons() -> frozenset[str]:
    return frozenset(re.findall(r'<symbol id="i-(\w+)"', (STATIC / "icons.svg").read_text()))


def icon_or_note(name: str) -> str:
    """`name` if we have such a symbol; a city may name others."""
    return name if name in _icons() else "note"


def names(session: Session, viewer: Viewer) -> Names:
    """Every service, group and agency of the viewer's city, in the viewer's language."""
    services = session.exec(
        select(Service)
        .where(Service.jurisdiction_id == viewer.jurisdiction_id)
        .order_by(col(Service.position), col(Service.code))
    ).all()
    agencies = session.exec(
        select(Agency).where(Agency.jurisdiction_id == viewer.jurisdiction_id).order_by(col(Agency.short_name))
    ).all()
    return Names(
        services={service.code: text_in(service.name, viewer.language) for service in services},
        groups={service.group_code: text_in(service.group_name, viewer.language) for service in services},
        icons={service.group_code: icon_or_note(service.icon) for service in reversed(services)},
        agencies={agency.code: agency.short_name or agency.name for agency in agencies},
    )


def place_of(service_request: ServiceRequest) -> str:
    """`Av. Sabinos 214, El Carmen`: the address as given, and the colonia and district when it does not say them already."""
    parts = [service_request.address_string.strip()] if service_request.address_string else []
    for layer in ("colonia", "district"):
        for area in service_request.areas.get(layer, [])[:1]:
            if area["name"].casefold() not in ", ".join(parts).casefold():
                parts.append(area["name"])
    return ", ".join(parts)


def rows_of(requests: Iterable[ServiceRequest], known: Names, viewer: Viewer, *, now: datetime) -> list[Row]:
    """The rows, in the same order."""
    return [
        Row(
            id=str(found.id),
            folio=found.folio,
            what=known.services.get(found.service_code, found.service_code),
            where=place_of(found),
            words=found.description,
            reports=found.report_count,
            status=status_look(found.life, found.outcome_code, found.handover, viewer.language),
            clock=sla_clock(
                requested_at=found.requested_at,
                expected_at=found.expected_at,
                closed_at=found.closed_at,
                life=found.life,
                now=now,
                language=viewer.language,
                paused_at=found.paused_at,
            ),
            agency=known.agencies.get(found.agency_code or "", ""),
            channel=channel_look(found.channel, viewer.language),
            when=ago(found.requested_at, now, viewer.timezone, viewer.language),
        )
        for found in requests
    ]
