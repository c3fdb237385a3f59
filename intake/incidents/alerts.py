"""Alerts of others as proposals, and our incidents as alerts for others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import shapely
from shapely.geometry.base import BaseGeometry
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from intake.incidents import actions, places, queries
from intake.incidents.cap.values import SEVERITIES, Alert, AlertArea, Info, Reference
from intake.incidents.models import Incident, IncidentUpdate
from intake.incidents.values import MOST_TITLE, MOST_WRITTEN, Draft, checked, in_language
from kernel.errors import InvalidInput
from kernel.i18n import SOURCE_LANGUAGE, translate

_TAGS = {"es": "es-MX", "en": "en-US"}
_CATEGORY = {"storm": "Met", "outage": "Infra", "quake": "Geo", "shortage": "Infra", "other": "Other"}
_SEVERITY = {"quake": "Severe", "storm": "Moderate", "outage": "Moderate", "shortage": "Moderate", "other": "Minor"}
_QUAKE = ("sismo", "terremoto", "temblor", "earthquake", "quake", "seism")
_MOST_KEYS = 500
_NAMES = {"opened": "Alert", "edited": "Update", "updated": "Update", "ended": "Cancel", "reopened": "Alert"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an alert: `proposed`, `known`, `changed` (it is open: staff decides), `withdrawn` or `ignored`."""

    outcome: str
    incident: Incident | None = None


def take_in(session: Session, jurisdiction_id: str, alert: Alert, *, ours: str, now: datetime) -> Taken:
    """Makes a proposal of an alert, follows an update or a cancellation of one; never announces or ends anything by itself.

    ours: our own name as a sender, whose alerts are not news. Raises InvalidInput for one that is not for here and now.
    """
    if alert.sender == ours or alert.message_type in ("Ack", "Error"):
        return Taken("ignored")
    if alert.status != "Actual":
        raise InvalidInput("La alerta es de prueba o simulacro, y no se propone.", field="alert")
    if alert.scope != "Public":
        raise InvalidInput("La alerta no es pública, y no se propone.", field="alert")
    # The same message may come over two feeds at once.
    actions.take_turn(session, jurisdiction_id)
    keys = _keys(alert)
    known = _known(session, jurisdiction_id, keys)
    if known is not None and alert.reference.key in known.alert["keys"]:
        return Taken("known", known)
    if known is not None and alert.message_type in ("Update", "Cancel"):
        followed = _follow(session, jurisdiction_id, known, alert, now)
        if not (alert.message_type == "Update" and _is_worse(alert, known) and known.state in ("dismissed", "ended")):
            return followed
    if alert.message_type == "Cancel":
        return Taken("ignored")
    _refuse_useless(alert, now)
    draft = draft_of(session, jurisdiction_id, alert, now=now)
    made = actions.propose(
        session, jurisdiction_id, draft, proposed_by="alert", source_ref=f"cap:{alert.reference.key}", now=now
    )
    return Taken("proposed", made) if made is not None else Taken("known")


def in_turn(found: Sequence[Alert], replaced: Collection[str] = ()) -> list[Alert]:
    """What one look at a feed found, oldest first, without what a later message of the same sender there has replaced.

    Feeds name the newest first: a cancellation read before its alert would cancel nothing. replaced: what was found to be so at
    looks before.
    """
    replaced = {*replaced, *replaced_by(found)}
    return sorted((alert for alert in found if alert.reference.key not in replaced), key=lambda alert: alert.sent)


def replaced_by(found: Sequence[Alert]) -> list[str]:
    """The keys of the messages that these take the place of."""
    return [key for alert in found if alert.message_type in ("Update", "Cancel") for key in _keys(alert)[1:]]


def _keys(alert: Alert) -> list[str]:
    """Its own key, then those it refers to: only of the same sender, since nobody takes back what another one said."""
    return [alert.reference.key, *(one.key for one in alert.references if one.sender == alert.sender)]


def _refuse_useless(alert: Alert, now: datetime) -> None:
    if not alert.infos:
        raise InvalidInput("La alerta no dice nada.", field="alert")
    if _is_over(alert, now):
        raise InvalidInput("La alerta ya venció.", field="alert")


def _is_over(alert: Alert, now: datetime) -> bool:
    return all(info.urgency == "Past" or (info.expires is not None and info.expires <= now) for info in alert.infos)


def _is_worse(alert: Alert, known: Incident) -> bool:
    """Whether it says more than what somebody has said no to, or has ended."""
    before = known.basis.get("severity", "Unknown")
    return any(SEVERITIES.index(info.severity) < SEVERITIES.index(before) for info in alert.infos)


def draft_of(session: Session, jurisdiction_id: str, alert: Alert, *, now: datetime) -> Draft:
    """The alert in our words: its headline for a text, its polygons within the city. Raises InvalidInput when it is not here."""
    in_force = [info for info in alert.infos if info.expires is None or info.expires > now] or list(alert.infos)
    spanish = _in(in_force, "es") or in_force[0]
    said = {"es": spanish, "en": _in(in_force, "en")}
    title = {language: _short(info.headline or info.event, MOST_TITLE) for language, info in said.items() if info}
    written = {
        language: _short(info.headline or info.description or info.event, MOST_WRITTEN)
        for language, info in said.items()
        if info
    }
    shapes = [area.shape for info in in_force for area in info.areas if area.shape is not None]
    geometry: BaseGeometry | None = None
    if shapes:
        city = catalog.catalog(session, jurisdiction_id)
        outline = places.outline(session, jurisdiction_id, now.astimezone(city.timezone).date())
        geometry = places.clipped(shapely.union_all(shapes), outline)
    areas = [{"layer": "alert", "code": "", "name": area.description[:80]} for area in spanish.areas]
    ends = [info.expires for info in in_force if info.expires is not None]
    return Draft(
        kind_of(spanish),
        title,
        written,
        areas=areas if geometry is not None else [],
        geometry=geometry,
        expected_end_at=max(ends) if ends else None,
        basis={
            "sender": alert.sender,
            "sender_name": spanish.sender_name,
            "event": spanish.event,
            "severity": spanish.severity,
            "urgency": spanish.urgency,
            "certainty": spanish.certainty,
            "instruction": spanish.instruction[:1000],
            "has_shape": bool(shapes),
        },
        alert={"keys": _keys(alert), "state": alert.message_type, "sent": alert.sent.isoformat()},
    )


def kind_of(info: Info) -> str:
    said = f"{info.event} {info.headline}".casefold()
    if any(word in said for word in _QUAKE):
        return "quake"
    if "Met" in info.category:
        return "storm"
    return "outage" if "Infra" in info.category else "other"


def _follow(session: Session, jurisdiction_id: str, incident: Incident, alert: Alert, now: datetime) -> Taken:
    held = session.exec(
        select(Incident).where(Incident.id == incident.id).with_for_update().execution_options(populate_existing=True)
    ).one()
    sent = datetime.fromisoformat(held.alert.get("sent") or alert.sent.isoformat())
    keys = [*held.alert["keys"], alert.reference.key][-_MOST_KEYS:]
    if alert.sent < sent:
        # What was said since counts.
        held.alert = held.alert | {"keys": keys}
        session.add(held)
        return Taken("known", held)
    is_withdrawn = alert.message_type == "Cancel" or (bool(alert.infos) and _is_over(alert, now))
    if held.state == "proposed" and not is_withdrawn:
        # Nobody has seen it as it was: the proposal says what the newest message says.
        if not alert.infos:
            return Taken("ignored", held)
        try:
            actions.fill(held, checked(draft_of(session, jurisdiction_id, alert, now=now)))
        except InvalidInput:
            is_withdrawn = True  # it has moved on, and is not here any more
    held.alert = {"keys": keys, "state": alert.message_type, "sent": alert.sent.isoformat()}
    held.version += 1
    session.add(held)
    session.flush()
    if is_withdrawn and held.state == "proposed":
        actions.dismiss(session, held.id, version=held.version, by=actions.PROGRAM, note="cancelled", now=now)
        return Taken("withdrawn", held)
    words = alert.infos[0].headline or alert.infos[0].event if alert.infos else alert.note
    session.add(
        IncidentUpdate(
            incident_id=held.id,
            name="alert_changed",
            note=alert.message_type,
            words={SOURCE_LANGUAGE: words[:300]},
            actor_name=alert.sender,
            at=now,
        )
    )
    session.flush()
    return Taken("changed", held)


def _known(session: Session, jurisdiction_id: str, keys: Sequence[str]) -> Incident | None:
    """The newest incident that was made from, or changed by, one of these messages."""
    statement = (
        select(Incident)
        .where(Incident.jurisdiction_id == jurisdiction_id, Incident.proposed_by == "alert")
        .order_by(col(Incident.created_at).desc())
        .limit(200)
    )
    wanted = set(keys)
    return next((found for found in session.exec(statement) if wanted & set(found.alert.get("keys", ()))), None)


def _in(infos: Sequence[Info], language: str) -> Info | None:
    return next((info for info in infos if info.language.casefold().partition("-")[0] == language), None)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip(" .,;:") + "…"


# What we say to others.


def sender_of(host: str) -> str:
    return f"atiende@{host}"


def message_of(
    incident: Incident,
    updates: Sequence[IncidentUpdate],
    city: Jurisdiction,
    *,
    outline: BaseGeometry | None,
    host: str,
    page: str,
) -> Alert | None:
    """The newest message about an incident: what its history says last, with references to all before. updates: oldest first."""
    zone = ZoneInfo(city.timezone)
    told = [update for update in updates if update.name in _NAMES]
    if not told:
        return None
    last, sender = told[-1], sender_of(host)
    # What was cancelled stays so: when it is open again, a new alert begins.
    begins = max(number for number, update in enumerate(told) if update.name == "reopened" or number == 0)
    before = tuple(
        Reference(sender, identifier(incident.id, number), update.at.astimezone(zone))
        for number, update in enumerate(told[:-1], start=1)
        if number > begins
    )
    return Alert(
        identifier=identifier(incident.id, len(told)),
        sender=sender,
        sent=last.at.astimezone(zone),
        status="Actual",
        message_type=_NAMES[last.name] if before else "Alert",
        scope="Public",
        references=before,
        infos=tuple(
            _info(incident, last, city, language, outline=outline, zone=zone, page=page) for language in ("es", "en")
        ),
    )


def identifier(incident_id: UUID, number: int) -> str:
    return f"{incident_id}.{number}"


def _info(
    incident: Incident,
    last: IncidentUpdate,
    city: Jurisdiction,
    language: str,
    *,
    outline: BaseGeometry | None,
    zone: ZoneInfo,
    page: str,
) -> Info:
    is_over = last.name == "ended"
    words = last.words if last.name in ("updated", "ended", "reopened") else incident.written
    expires = incident.expected_end_at if not is_over else None
    shape = outline if incident.geometry is None else shapely.from_wkb(incident.geometry)
    where = places.names(incident.areas, most=12) or city.name
    parameters: Mapping[str, Any] = {"atiende:kind": incident.kind}
    return Info(
        event=in_language(incident.title, language),
        category=(_CATEGORY[incident.kind],),
        urgency="Past" if is_over else "Immediate",
        severity="Minor" if is_over else _SEVERITY[incident.kind],
        certainty="Observed",
        language=_TAGS[language],
        effective=last.at.astimezone(zone),
        expires=expires.astimezone(zone) if expires and expires > last.at else None,
        sender_name=city.name,
        headline=_short(in_language(incident.title, language), 160),
        description=in_language(words, language),
        instruction=translate(language, "Terminó.") if is_over else "",
        web=page,
        parameters=parameters,
        areas=(AlertArea(where, shape),),
    )


def published(
    session: Session, jurisdiction_id: str, *, since: datetime
) -> list[tuple[Incident, list[IncidentUpdate]]]:
    """The open incidents and those that ended since then, newest first, each with its history, oldest first."""
    open_ones = queries.listed(session, jurisdiction_id, ["open"], limit=100)
    ended = [
        one for one in queries.listed(session, jurisdiction_id, ["ended"], limit=100) if (one.ended_at or since) > since
    ]
    return [(one, list(reversed(queries.updates_of(session, one.id)))) for one in [*open_ones, *ended]]
