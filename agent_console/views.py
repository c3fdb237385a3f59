"""The left column: views of the list, with how many requests each holds. One pass over the open requests counts nearly all."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from agent_console.access import visible_to
from agent_console.accounts import Viewer
from agent_console.lists import (
    ListFilters,
    conditions,
    count,
    end_of_day,
    is_late,
    is_open,
    is_silent,
    is_unanswered,
    unsure_place,
)
from agent_console.rows import Names
from intake.catalog.models import Service
from intake.service_requests.models import ServiceRequest
from kernel.i18n import translate

_R = ServiceRequest


@dataclass(frozen=True)
class View:
    """One line: a name, its list, how many (None is not counted) and whether the number is worrying."""

    name: str
    icon: str
    filters: ListFilters
    count: int | None
    is_hot: bool = False


@dataclass(frozen=True)
class ViewGroup:
    """Lines under one heading."""

    name: str
    views: list[View]


PRESETS: tuple[tuple[str, str, str, ListFilters], ...] = (
    ("open", "Abiertas", "note", ListFilters()),
    ("new", "Nuevas", "new", ListFilters(status="new")),
    ("today", "Vencen hoy", "clock", ListFilters(due="today")),
    ("late", "Vencidas", "alert", ListFilters(due="late")),
    ("unanswered", "Sin primera respuesta", "note", ListFilters(due="unanswered")),
    ("silent", "En silencio", "minus", ListFilters(due="silent")),
    ("waiting", "Esperan a la persona", "pause", ListFilters(status="waiting_resident")),
    ("reopened", "Reabiertas", "loop", ListFilters(status="reopened")),
    ("returned", "Devueltas", "go", ListFilters(status="returned")),
    ("alike", "Posibles duplicados", "layers", ListFilters(alike="waiting")),
    ("unsure", "Sin ubicación segura", "pin", ListFilters(place="unsure")),
    ("closed", "Cerradas", "ok", ListFilters(status="closed")),
)


_HOT = ("late", "unanswered", "silent", "returned")


def title_of(filters: ListFilters, viewer: Viewer, known: Names) -> str:
    """The name of this list: of the view it is, else of the service group it shows, else just "Solicitudes"."""
    plain = ListFilters(**{**filters.__dict__, "after": "", "order": ""})
    for _, name, _, preset in PRESETS:
        if plain == preset:
            return translate(viewer.language, name)
    if plain == ListFilters(group=plain.group) and plain.group in known.groups:
        return known.groups[plain.group]
    return translate(viewer.language, "Solicitudes")


def views_of(session: Session, viewer: Viewer, known: Names, *, now: datetime) -> list[ViewGroup]:
    """Every view with its count."""
    midnight = end_of_day(now, viewer.timezone)
    wanted = {
        "new": col(_R.life) == "new",
        "today": and_(col(_R.expected_at) >= now, col(_R.expected_at) < midnight),
        "late": is_late(now),
        "unanswered": is_unanswered(now),
        "silent": is_silent(now),
        "waiting": col(_R.life) == "waiting_resident",
        "reopened": col(_R.life) == "reopened",
        "returned": col(_R.handover) == "returned",
        "unsure": unsure_place(),
    }
    columns = [func.count().label("open")]
    columns += [func.count().filter(condition).label(key) for key, condition in wanted.items()]
    counts = session.connection().execute(select(*columns).where(visible_to(viewer), is_open())).one()._asdict()
    alike = next(preset for key, _, _, preset in PRESETS if key == "alike")
    counts["alike"] = count(session, conditions(session, viewer, alike, now))
    language = viewer.language
    lines = [
        View(translate(language, name), icon, preset, counts.get(key), is_hot=key in _HOT and counts[key] > 0)
        for key, name, icon, preset in PRESETS
    ]
    groups = [
        View(name, known.icons[code], ListFilters(group=code), count)
        for (code, name), count in zip(known.groups.items(), _group_counts(session, viewer, known), strict=True)
    ]
    return [
        ViewGroup(translate(language, "Todo el centro" if viewer.role != "agency" else "Mi dependencia"), lines),
        ViewGroup(translate(language, "Temas"), groups),
    ]


def _group_counts(session: Session, viewer: Viewer, known: Names) -> list[int]:
    found = dict(
        session.connection()
        .execute(
            select(Service.group_code, func.count())
            .join(
                _R,
                and_(
                    col(_R.jurisdiction_id) == col(Service.jurisdiction_id),
                    col(_R.service_code) == col(Service.code),
                ),
            )
            .where(visible_to(viewer), is_open())
            .group_by(col(Service.group_code))
        )
        .all()
    )
    return [found.get(code, 0) for code in known.groups]
