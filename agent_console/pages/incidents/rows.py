"""Incidents and alarms as the pages show them, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import shapely
from shapely.geometry.base import BaseGeometry
from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.pages.incidents import typed
from agent_console.presentation import Look, ago
from channels.reasons import in_words
from intake.calls import limits
from intake.calls.limit_models import CallerFlag
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.conversations import incident_news, waiting_answers
from intake.incidents import earlier, feeds, places, queries, surges
from intake.incidents.models import Incident, IncidentUpdate
from intake.incidents.queries import Attached
from intake.people import spending
from intake.service_requests import targeting
from kernel.i18n import translate

STATES = {
    "proposed": ("Propuesta", "help", "wait"),
    "open": ("Abierto", "alert", "info"),
    "ended": ("Terminado", "ok", "ok"),
    "dismissed": ("Descartada", "minus", "quiet"),
}
HAPPENED = {
    "proposed": "Se propuso",
    "opened": "Se abrió",
    "edited": "Se cambió lo que se anuncia",
    "updated": "Noticia a quienes están sumados",
    "ended": "Terminó",
    "reopened": "Se volvió a abrir",
    "dismissed": "Se descartó",
    "alert_changed": "La alerta cambió",
    "attached": "Se sumaron reportes de antes: {n}",
    "taken_back": "Se deshizo, reportes de antes: {n}",
}
# Why the program itself took a proposal back.
NOTES = {"cancelled": "la alerta se canceló", "expired": "la alerta venció sin que nadie decidiera"}
TROUBLES = {
    "no_answer": "no contesta",
    "gone": "esa página ya no existe",
    "too_slow": "contesta muy despacio",
    "credentials": "pide contraseña",
    "private_address": "la dirección es de una red privada",
    "not_ours": "la dirección no sirve",
    "led_astray": "lleva a otra dirección",
    "too_large": "manda demasiado",
    "some_unread": "algunas de sus alertas no se pueden leer, las demás sí",
    "not_as_promised": "lo que manda no se puede leer",
}
PURPOSES = {"code": "códigos de una vez", "folio": "respuestas de folios"}
REASONS = {
    "few_people": "Pocas personas, muchos reportes de la misma dirección",
    "many_people": "Muchas personas en pocas horas contra la misma dirección",
}
CALLERS = {
    "callbacks_to": "Piden desde otros teléfonos que llamemos a un número",
    "callbacks_by": "Piden desde un teléfono muchas llamadas de vuelta",
    "calls_in_line": "Muchas llamadas a la vez de un mismo número",
}
# Of a message that carries news, by its state.
_WAITING = ("queued", "sending")
_ON_ITS_WAY = ("accepted", "sent", "uncertain")
_ARRIVED = ("delivered", "read")
UNTOLD = {
    "opted_out": "pidieron no recibir mensajes",
    "no_notices": "no quisieron avisos de su reporte",
    "unreachable": "no hay a dónde escribirles: número oculto o código corto",
    "elsewhere": "la reciben en otro de sus números o cuentas",
    "refused": "no se les puede escribir",
    "over": "ya había terminado cuando les tocaba",
}
_NOT_ARRIVED = ("failed", "undelivered", "suppressed")
_NEWS = ("incident.updated", "incident.ended")
# Of the latest news only: of what is older nobody asks.
_FOLLOWED = 3
WIDTH, HEIGHT = 440.0, 240.0
_EDGE = 12.0


@dataclass(frozen=True)
class IncidentRow:
    """why: what a proposal rests on, in sentences; told: how far its last news has come, blank when there is none."""

    id: UUID
    title: str
    kind: str
    state: Look
    where: str
    about: str
    since: str
    by: str
    people: int
    requests: int
    why: tuple[str, ...]
    version: int
    is_cancelled: bool


@dataclass(frozen=True)
class UpdateRow:
    """told: how far the news has come; outcomes: to how many, and why not to the others, each in words.

    undo: its id, where it can be taken back.
    """

    what: str
    words: str
    who: str
    when: str
    told: str
    outcomes: tuple[str, ...] = ()
    undo: UUID | None = None


@dataclass(frozen=True)
class BeforeRow:
    id: UUID
    folio: str
    service: str
    address: str
    when: str


@dataclass(frozen=True)
class Before:
    """Reports from before an incident. count: all of them; shown: as many as can be attached at once, newest first."""

    hours: int
    count: int
    shown: tuple[BeforeRow, ...]


@dataclass(frozen=True)
class Alarm:
    id: UUID
    title: str
    detail: str
    when: str
    folio: str = ""
    waiting: int = 0


@dataclass(frozen=True)
class FeedRow:
    id: UUID
    url: str
    looked: str
    trouble: str


@dataclass(frozen=True)
class Sketch:
    """The city's outline and the area as SVG path data, in a box of WIDTH x HEIGHT."""

    city: str
    area: str


def rows_of(session: Session, viewer: Viewer, incidents: list[Incident], *, now: datetime) -> list[IncidentRow]:
    counts = queries.attached(session, [incident.id for incident in incidents])
    return [row_of(session, viewer, incident, counts[incident.id], now=now) for incident in incidents]


def row_of(session: Session, viewer: Viewer, incident: Incident, counts: Attached, *, now: datetime) -> IncidentRow:
    language = viewer.language
    word, icon, css = STATES[incident.state]
    at = incident.ended_at or incident.opened_at or incident.created_at
    return IncidentRow(
        id=incident.id,
        title=text_in(incident.title, language),
        kind=translate(language, typed.KINDS[incident.kind]),
        state=Look(translate(language, word), icon, css),
        where=places.names(incident.areas, most=6) or translate(language, "toda la ciudad"),
        about=", ".join(typed.topic_names(session, viewer, incident)) or translate(language, "todos los servicios"),
        since=ago(at, now, viewer.timezone, language),
        by=incident.opened_by_name,
        people=counts.contacts,
        requests=counts.requests,
        why=tuple(_why(session, viewer, incident)),
        version=incident.version,
        is_cancelled=incident.state == "open" and incident.alert.get("state") == "Cancel",
    )


def _why(session: Session, viewer: Viewer, incident: Incident) -> list[str]:
    """What a proposal rests on."""
    language, basis = viewer.language, incident.basis
    if incident.proposed_by == "detector":
        said = translate(
            language,
            "En la última hora avisaron {people} personas; a esta hora de la semana lo normal es {usual}.",
            people=basis.get("people", 0),
            usual=basis.get("usual", 0),
        )
        rarely = min(10**9, int(1 / max(float(basis.get("chance", 1)), 1e-9)))
        compared = translate(
            language,
            "Comparado con {weeks} semanas. Por casualidad pasaría menos de una vez en {n}.",
            weeks=basis.get("weeks", 0),
            n=f"{rarely:,}",
        )
        return [said, compared]
    if incident.proposed_by == "alert":
        sender = basis.get("sender_name") or basis.get("sender", "")
        lines = [translate(language, "Alerta de {sender}: {event}.", sender=sender, event=basis.get("event", ""))]
        if not basis.get("has_shape"):
            lines.append(translate(language, "La alerta no dice dónde con un polígono: se toma toda la ciudad."))
        if basis.get("instruction"):
            lines.append(str(basis["instruction"]))
        return lines
    return []


def updates_of(session: Session, viewer: Viewer, incident: Incident, *, now: datetime) -> list[UpdateRow]:
    updates = queries.updates_of(session, incident.id)
    followed = {update.id for update in [one for one in updates if one.told_to is not None][:_FOLLOWED]}
    held = earlier.counts(session, incident.id) if incident.state == "open" else {}
    return [
        replace(
            _update(viewer, update, _outcomes(session, viewer, update) if update.id in followed else (), now),
            undo=update.id if update.id in held else None,
        )
        for update in updates
    ]


def _update(viewer: Viewer, update: IncidentUpdate, outcomes: tuple[str, ...], now: datetime) -> UpdateRow:
    language = viewer.language
    told = ""
    if update.told_to is not None:
        told = translate(language, "dicho a todos") if update.told_at else translate(language, "diciéndose…")
    return UpdateRow(
        translate(language, HAPPENED[update.name], n=update.note),
        text_in(update.words, language) if update.words else _noted(update, language),
        update.actor_name,
        ago(update.at, now, viewer.timezone, language),
        told,
        outcomes,
    )


def _noted(update: IncidentUpdate, language: str) -> str:
    if update.name == "taken_back":
        return ""
    return translate(language, NOTES[update.note]) if update.note in NOTES else update.note


def _outcomes(session: Session, viewer: Viewer, update: IncidentUpdate) -> tuple[str, ...]:
    """What became of the news: so many have it, so many wait, and of each of the others why they do not."""
    language, moved = viewer.language, incident_news.deliveries(session, update)

    def many(*states: str) -> int:
        return sum(count for state, _, count in moved if state in states)

    lines = [
        (translate(language, "llegó"), many(*_ARRIVED)),
        (translate(language, "en camino"), many(*_ON_ITS_WAY)),
        (translate(language, "esperan su turno o la mañana"), many(*_WAITING)),
    ]
    lines += [(in_words(why or "unknown", language), count) for state, why, count in moved if state in _NOT_ARRIVED]
    lines += [(translate(language, UNTOLD[why]), count) for why, count in update.outcomes.items() if why in UNTOLD]
    return tuple(f"{count:,} · {line}" for line, count in lines if count)


def earlier_of(session: Session, viewer: Viewer, incident: Incident, *, hours: int, now: datetime) -> Before | None:
    """What may be made part of it, as it is now; None of what is over."""
    if incident.state not in ("open", "proposed"):
        return None
    found = earlier.found(session, incident, hours=hours, now=now)
    known = catalog.catalog(session, viewer.jurisdiction_id)
    names = {code: service.name for code, service in {**known.retired, **known.by_code}.items()}
    shown = tuple(
        BeforeRow(
            one.id,
            one.folio,
            text_in(names[one.service_code], viewer.language) if one.service_code in names else one.service_code,
            one.address,
            ago(one.requested_at, now, viewer.timezone, viewer.language),
        )
        for one in found[: earlier.MOST]
    )
    return Before(hours, len(found), shown)


def beyond_reach(session: Session, viewer: Viewer, incident: Incident) -> str:
    """What is missing for whom the network takes only approved texts; "" when nothing is."""
    approved = catalog.jurisdiction(session, viewer.jurisdiction_id).settings.get("templates", {}).get("whatsapp", {})
    missing = [key for key in _NEWS if key not in approved]
    many = queries.contacts_by_channel(session, incident.id).get("whatsapp", 0) if missing else 0
    if not many:
        return ""
    return translate(
        viewer.language,
        "{n} se sumaron por WhatsApp. Falta la plantilla aprobada {names}: quien no haya escrito en 24 horas no la recibirá.",
        n=f"{many:,}",
        names=", ".join(missing),
    )


def breakers_of(session: Session, viewer: Viewer, *, now: datetime) -> list[Alarm]:
    language, found = viewer.language, spending.open_breakers(session, viewer.jurisdiction_id)
    waiting = waiting_answers.count(session, [row.id for row in found]) if found else {}
    return [
        Alarm(
            row.id,
            translate(language, "No se manda más a {scope}", scope=row.scope),
            translate(
                language, "Pasó de {most} por hora ({purpose}). Sin mandar desde entonces: {refused}.",
                most=row.most, purpose=translate(language, PURPOSES.get(row.purpose, row.purpose)), refused=row.refused,
            ),
            ago(row.opened_at, now, viewer.timezone, language),
            waiting=waiting.get(row.id, 0),
        )
        for row in found
    ]  # fmt: skip


def flags_of(session: Session, viewer: Viewer, *, now: datetime) -> list[Alarm]:
    language = viewer.language
    return [
        Alarm(
            flag.id,
            translate(language, REASONS[flag.reason]),
            translate(
                language, "{reports} reportes de {people} personas. {address}",
                reports=flag.basis.get("reports", 0), people=flag.basis.get("people", 0),
                address=request.address_string or flag.place_key,
            ),
            ago(flag.at, now, viewer.timezone, language),
            request.folio,
        )
        for flag, request in targeting.waiting(session, viewer.jurisdiction_id)
    ]  # fmt: skip


def callers_of(session: Session, viewer: Viewer, *, now: datetime) -> list[Alarm]:
    language = viewer.language

    def whose(flag: CallerFlag) -> str:
        if not flag.digits:
            return translate(language, "Números ocultos, todos juntos.")
        return translate(language, "Termina en {digits}.", digits=flag.digits)

    return [
        Alarm(
            flag.id,
            translate(language, CALLERS[flag.reason]),
            f"{whose(flag)} {translate(language, 'Rechazadas desde entonces: {refused}.', refused=flag.refused)}",
            ago(flag.at, now, viewer.timezone, language),
        )
        for flag in limits.flags(session, viewer.jurisdiction_id)
    ]


def feeds_of(session: Session, viewer: Viewer, *, now: datetime) -> list[FeedRow]:
    language = viewer.language

    def trouble(word: str) -> str:
        return translate(language, TROUBLES.get(word, word))

    return [
        FeedRow(
            feed.id,
            feed.url,
            ago(feed.looked_at, now, viewer.timezone, language) if feed.looked_at else "",
            trouble(feed.trouble) if feed.trouble else "",
        )
        for feed in feeds.of_city(session, viewer.jurisdiction_id)
    ]


def operators_of(session: Session, viewer: Viewer, incident: Incident, *, now: datetime) -> list[Mapping[str, Any]]:
    """Who may be lent, and until when they are."""
    return [
        {
            "id": one.id,
            "name": one.name,
            "is_here": one.is_here,
            "is_lent": one.until is not None and one.until > now,
            "until": ago(one.until, now, viewer.timezone, viewer.language) if one.until else "",
        }
        for one in surges.operators(session, incident)
    ]


def sketch_of(session: Session, viewer: Viewer, incident: Incident, *, now: datetime) -> Sketch | None:
    """A small drawing of where it is; None for a city without an outline."""
    outline = places.outline(session, viewer.jurisdiction_id, viewer.today(now))
    if outline is None:
        return None
    west, south, east, north = (float(edge) for edge in outline.bounds)
    # A degree of longitude is shorter than one of latitude.
    squeeze = float(shapely.get_y(outline.centroid))
    shrink = max(0.2, 1 - (abs(squeeze) / 90) ** 2)
    scale = min((WIDTH - 2 * _EDGE) / ((east - west) * shrink), (HEIGHT - 2 * _EDGE) / (north - south))
    left = (WIDTH - (east - west) * shrink * scale) / 2
    top = (HEIGHT - (north - south) * scale) / 2

    def path(shape: BaseGeometry) -> str:
        simple = shapely.simplify(shape, (north - south) / 800)
        parts = [part for part in shapely.get_parts(simple) if part.geom_type == "Polygon"]
        return " ".join(_ring(part, west, north, shrink * scale, scale, left, top) for part in parts)

    area = outline if incident.geometry is None else shapely.from_wkb(incident.geometry)
    return Sketch(path(outline), path(area))


def _ring(part: BaseGeometry, west: float, north: float, across: float, down: float, left: float, top: float) -> str:
    corners = shapely.get_coordinates(part.exterior).tolist()
    points = [f"{left + (lon - west) * across:.1f} {top + (north - lat) * down:.1f}" for lon, lat in corners]
    return f"M{'L'.join(points)}Z"
