"""The form of an incident: read from what was sent or from what is kept, shown again as it was typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import shapely
from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.forms import ids_in
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.incidents import places
from intake.incidents.models import Incident
from intake.incidents.values import Draft
from kernel.bodies import Form
from kernel.i18n import LANGUAGES, translate

KINDS = {
    "storm": "Lluvia o viento",
    "outage": "Corte de un servicio",
    "quake": "Sismo",
    "shortage": "Desabasto",
    "other": "Otra cosa",
}
# What a form may keep of a shape that is none of the city's areas.
_KEPT = "kept"


@dataclass(frozen=True)
class Typed:
    """What was in the form. where: `city`, `areas`, `polygon` or `kept` (the shape that the incident has already)."""

    ref: str = ""
    kind: str = "outage"
    title: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    spoken: Mapping[str, str] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    where: str = "areas"
    areas: tuple[str, ...] = ()
    polygon: str = ""
    is_another: bool = False


@dataclass(frozen=True)
class Topic:
    """A group with its services, as the form offers them."""

    code: str
    name: str
    services: tuple[tuple[str, str], ...]


def read(form: Form) -> Typed:
    return Typed(
        ref=form.get("ref")[:64],
        kind=form.get("kind"),
        title=_texts(form, "title"),
        written=_texts(form, "written"),
        spoken=_texts(form, "spoken"),
        topics=tuple(form.get_all("topic")),
        where=form.get("where"),
        areas=tuple(form.get_all("area")),
        polygon=form.get("polygon"),
        is_another=form.get("another") == "true",
    )


def of_incident(incident: Incident) -> Typed:
    """The form as it would have been typed."""
    values = tuple(f"{area['layer']}:{area['code']}" for area in incident.areas if area["layer"] in places.NAMED)
    is_named = bool(values) and len(values) == len(incident.areas)
    return Typed(
        kind=incident.kind,
        title=incident.title,
        written=incident.written,
        spoken=incident.spoken,
        topics=(*(f"g:{code}" for code in incident.group_codes), *(f"s:{code}" for code in incident.service_codes)),
        where="city" if incident.geometry is None else "areas" if is_named else _KEPT,
        areas=values if is_named else (),
    )


def to_draft(session: Session, viewer: Viewer, typed: Typed, now: datetime, kept: Incident | None = None) -> Draft:
    """What the form says. kept: the incident whose shape may stay. Raises InvalidInput."""
    areas: list[dict[str, str]] = []
    geometry = None
    if typed.where == "areas":
        areas, geometry = places.shape_of(session, viewer.jurisdiction_id, typed.areas, viewer.today(now))
        if not areas:
            raise places.nowhere()
    elif typed.where == "polygon":
        drawn = places.read_polygon(typed.polygon)
        if drawn is None:
            raise places.nowhere()
        outline = places.outline(session, viewer.jurisdiction_id, viewer.today(now))
        geometry = places.clipped(drawn, outline)
        name = translate("es", "zona dibujada")
        areas = [{"layer": "drawn", "code": "", "name": name}] if geometry is not None else []
    elif typed.where == _KEPT and kept is not None and kept.geometry is not None:
        areas, geometry = list(kept.areas), shapely.from_wkb(kept.geometry)
    return Draft(
        typed.kind,
        typed.title,
        typed.written,
        # What was made from the written text before is made anew with it.
        {
            language: text
            for language, text in typed.spoken.items()
            if kept is None or text != kept.spoken.get(language)
        },
        service_codes=[topic[2:] for topic in typed.topics if topic.startswith("s:")],
        group_codes=[topic[2:] for topic in typed.topics if topic.startswith("g:")],
        areas=areas,
        geometry=geometry,
        expected_end_at=kept.expected_end_at if kept else None,
        basis=kept.basis if kept else {},
        alert=kept.alert if kept else {},
    )


def topics(session: Session, viewer: Viewer) -> list[Topic]:
    """What it may be about, by group."""
    groups: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for service in catalog.services(session, viewer.jurisdiction_id):
        _, held = groups.setdefault(service.group_code, (text_in(service.group_name, viewer.language), []))
        held.append((service.code, text_in(service.name, viewer.language)))
    return [Topic(code, name, tuple(held)) for code, (name, held) in groups.items()]


def topic_names(session: Session, viewer: Viewer, incident: Incident) -> list[str]:
    """What it is about, in words; none when it is about everything."""
    groups = {topic.code: topic.name for topic in topics(session, viewer)}
    known = catalog.catalog(session, viewer.jurisdiction_id)
    services = {**known.retired, **known.by_code}
    names = [groups.get(code, code) for code in incident.group_codes]
    return names + [
        text_in(services[code].name, viewer.language) for code in incident.service_codes if code in services
    ]


def _texts(form: Form, name: str) -> dict[str, str]:
    return {language: form.get(f"{name}_{language}") for language in LANGUAGES}


def version_of(form: Form) -> int:
    """Raises InvalidInput."""
    return form.number("version")


def operator_ids(form: Form) -> list[UUID]:
    """Those that were ticked."""
    return ids_in(form, "operator")


def request_ids(form: Form) -> list[UUID]:
    """Those that were ticked."""
    return ids_in(form, "request")
