"""Writes on incidents. Whoever changes one holds its row and says which version they saw; `attaching.py` keeps it from ending."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import shapely
from sqlalchemy import func, text
from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.queries import Catalog
from intake.incidents import queries
from intake.incidents.models import Incident, IncidentContact, IncidentUpdate
from intake.incidents.values import Draft, checked, checked_words
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import record

# What ended by mistake is taken back; later it is another incident.
REOPENED_WITHIN = timedelta(hours=24)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('incidents of ' || :jurisdiction_id, 0))")


@dataclass(frozen=True, slots=True)
class By:
    """Who does it: a person of staff, or the program (`None`)."""

    id: UUID | None = None
    name: str = ""


PROGRAM = By()


class AlreadyOpen(Conflict):
    """An open incident of the same kind covers the same: `incident_id`. Whoever means another one says so."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(
            "Ya hay uno abierto igual: {title}. Lo abrió {name}.",
            title=incident.title.get("es", ""),
            name=incident.opened_by_name or "Atiende",
        )
        self.incident_id = incident.id


def open_incident(
    session: Session,
    jurisdiction_id: str,
    draft: Draft,
    *,
    by: By,
    client_ref: str | None = None,
    is_another: bool = False,
    now: datetime,
) -> Incident:
    """Opens an incident, from now on announced. The same client_ref again gives the first one.

    Raises InvalidInput; AlreadyOpen when one of this kind is open for some of the same, unless `is_another`.
    """
    draft = checked(draft)
    _refuse_unknown(catalog.catalog(session, jurisdiction_id), draft)
    # Of two supervisors who open the same at once, the second is told of the first's.
    take_turn(session, jurisdiction_id)
    if client_ref is not None and (known := _of_client_ref(session, jurisdiction_id, client_ref)) is not None:
        return known
    if not is_another and (same := find_same(session, jurisdiction_id, draft)) is not None:
        raise AlreadyOpen(same)
    made = _row(jurisdiction_id, draft, state="open", client_ref=client_ref, now=now)
    made.opened_at, made.opened_by, made.opened_by_name = now, by.id, by.name
    session.add(made)
    session.flush()
    note_update(session, made, "opened", by, now, words=made.written)
    record(session, "incident.opened", at=now, incident_id=made.id)
    return made


def propose(
    session: Session, jurisdiction_id: str, draft: Draft, *, proposed_by: str, source_ref: str, now: datetime
) -> Incident | None:
    """A proposal for a supervisor; None when one from the same source waits already or is open. Nothing is announced by it."""
    draft = checked(draft)
    take_turn(session, jurisdiction_id)
    waiting = select(Incident.id).where(
        Incident.jurisdiction_id == jurisdiction_id,
        Incident.source_ref == source_ref,
        col(Incident.state).in_(("proposed", "open")),
    )
    if session.exec(waiting).first() is not None:
        return None
    made = _row(jurisdiction_id, draft, state="proposed", client_ref=None, now=now)
    made.proposed_by, made.source_ref = proposed_by, source_ref
    session.add(made)
    session.flush()
    note_update(session, made, "proposed", PROGRAM, now, words=made.written)
    record(session, "incident.proposed", at=now, incident_id=made.id)
    return made


def accept(session: Session, incident_id: UUID, draft: Draft, *, version: int, by: By, now: datetime) -> Incident:
    """Opens a proposal, as the supervisor has edited it. Raises Conflict when somebody else has decided meanwhile."""
    incident = held(session, incident_id, version)
    if incident.state != "proposed":
        raise Conflict("Ya se decidió sobre esta propuesta.")
    draft = checked(draft)
    _refuse_unknown(catalog.catalog(session, incident.jurisdiction_id), draft)
    fill(incident, draft)
    incident.state, incident.opened_at = "open", now
    incident.opened_by, incident.opened_by_name = by.id, by.name
    changed(session, incident)
    note_update(session, incident, "opened", by, now, words=incident.written)
    record(session, "incident.opened", at=now, incident_id=incident.id)
    return incident


def dismiss(session: Session, incident_id: UUID, *, version: int, by: By, note: str = "", now: datetime) -> Incident:
    """Says no to a proposal. Raises Conflict when somebody else has decided meanwhile."""
    incident = held(session, incident_id, version)
    if incident.state != "proposed":
        raise Conflict("Ya se decidió sobre esta propuesta.")
    incident.state, incident.ended_at = "dismissed", now
    changed(session, incident)
    note_update(session, incident, "dismissed", by, now, note=note)
    record(session, "incident.dismissed", at=now, incident_id=incident.id)
    return incident


def edit(session: Session, incident_id: UUID, draft: Draft, *, version: int, by: By, now: datetime) -> Incident:
    """Changes what is announced, where and about what; nobody is told by it. Raises Conflict, InvalidInput."""
    incident = held(session, incident_id, version)
    if incident.state != "open":
        raise Conflict("Este incidente ya terminó.")
    draft = checked(draft)
    _refuse_unknown(catalog.catalog(session, incident.jurisdiction_id), draft)
    fill(incident, draft)
    changed(session, incident)
    note_update(session, incident, "edited", by, now, words=incident.written)
    record(session, "incident.edited", at=now, incident_id=incident.id)
    return incident


def post_update(
    session: Session,
    incident_id: UUID,
    words: Mapping[str, str],
    *,
    version: int,
    by: By,
    client_ref: str | None = None,
    now: datetime,
) -> IncidentUpdate:
    """Tells everybody attached, once. The same client_ref again gives the first one. Raises Conflict, InvalidInput."""
    return _tell_once(session, incident_id, "updated", words, version, by, client_ref, now)


def end(
    session: Session,
    incident_id: UUID,
    words: Mapping[str, str],
    *,
    version: int,
    by: By,
    client_ref: str | None = None,
    now: datetime,
) -> IncidentUpdate:
    """Ends it: nothing is announced any more, and everybody attached is told once. Raises Conflict, InvalidInput."""
    return _tell_once(session, incident_id, "ended", words, version, by, client_ref, now)


def reopen(
    session: Session,
    incident_id: UUID,
    words: Mapping[str, str],
    *,
    version: int,
    by: By,
    client_ref: str | None = None,
    now: datetime,
) -> IncidentUpdate:
    """Takes back an end: it is announced again, who was attached still is, and they are told once that it goes on.

    Only within REOPENED_WITHIN of its end. Raises Conflict, InvalidInput; AlreadyOpen when another one took its place.
    """
    if (known := of_same_form(session, incident_id, client_ref)) is not None:
        return known
    # Before the row is held: whoever opens waits for turns first, and for rows afterwards.
    for city in session.exec(select(Incident.jurisdiction_id).where(Incident.id == incident_id)):
        take_turn(session, city)
    incident = held(session, incident_id, version)
    if incident.state != "ended" or incident.ended_at is None:
        raise Conflict("Este incidente no ha terminado.")
    if incident.ended_at <= now - REOPENED_WITHIN:
        raise Conflict(
            "Terminó hace más de {hours} horas. Abre uno nuevo.", hours=REOPENED_WITHIN // timedelta(hours=1)
        )
    tidy = checked_words(words)
    if (same := find_same(session, incident.jurisdiction_id, draft_of(incident))) is not None:
        raise AlreadyOpen(same)
    _drop_proposals(session, incident, by, now)
    incident.state, incident.ended_at = "open", None
    changed(session, incident)
    return _tell(session, incident, "reopened", tidy, by, client_ref, now)


def _drop_proposals(session: Session, incident: Incident, by: By, now: datetime) -> None:
    """What the same source has proposed since is this one again."""
    waiting = select(Incident).where(
        Incident.jurisdiction_id == incident.jurisdiction_id,
        Incident.source_ref == incident.source_ref,
        Incident.state == "proposed",
    )
    for proposal in session.exec(waiting).all():
        dismiss(session, proposal.id, version=proposal.version, by=by, now=now)


def _tell_once(
    session: Session,
    incident_id: UUID,
    kind: str,
    words: Mapping[str, str],
    version: int,
    by: By,
    client_ref: str | None,
    now: datetime,
) -> IncidentUpdate:
    known = of_same_form(session, incident_id, client_ref)
    if known is not None:
        return known
    incident = held(session, incident_id, version)
    if incident.state != "open":
        raise Conflict("Este incidente ya terminó.")
    if kind == "ended":
        incident.state, incident.ended_at = kind, now
    changed(session, incident)
    return _tell(session, incident, kind, checked_words(words), by, client_ref, now)


def take_turn(session: Session, jurisdiction_id: str) -> None:
    """Whoever opens or proposes in this city does so one after another, until the transaction ends."""
    session.execute(_ONE_AT_A_TIME, {"jurisdiction_id": jurisdiction_id})


def find_same(session: Session, jurisdiction_id: str, draft: Draft, *, of_any_kind: bool = False) -> Incident | None:
    """An open incident of the same kind, or any, about some of the same, where some of the same is."""
    known = catalog.catalog(session, jurisdiction_id)
    wanted = queries.scope_of(_row(jurisdiction_id, draft, state="open", client_ref=None, now=known.changed_at), known)
    for found in queries.open_incidents(session, jurisdiction_id):
        scope = queries.scope_of(found, known)
        is_about = scope.is_about_all or wanted.is_about_all or bool(scope.service_codes & wanted.service_codes)
        is_kind = of_any_kind or found.kind == draft.kind
        if is_kind and is_about and _overlap(scope.geometry, wanted.geometry):
            return found
    return None


def _overlap(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return True
    # Neighbours share a border and nothing else.
    return bool(shapely.from_wkb(one).intersection(shapely.from_wkb(other)).area > 0)


def held(session: Session, incident_id: UUID, version: int) -> Incident:
    """The incident, locked against who changes it and who attaches, as it is now."""
    found = session.exec(
        select(Incident).where(Incident.id == incident_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound("No encontramos ese incidente.")
    if found.version != version:
        raise Conflict("Alguien cambió este incidente mientras lo veías. Mira cómo quedó y decide otra vez.")
    return found


def changed(session: Session, incident: Incident) -> None:
    """Writes the (held) incident, as a new version."""
    incident.version += 1
    session.add(incident)
    session.flush()


def _tell(
    session: Session,
    incident: Incident,
    name: str,
    words: Mapping[str, str],
    by: By,
    client_ref: str | None,
    now: datetime,
) -> IncidentUpdate:
    # Whoever is attached later has heard these words, or that it is over.
    last = session.exec(select(func.max(IncidentContact.seq)).where(IncidentContact.incident_id == incident.id)).one()
    made = note_update(session, incident, name, by, now, words=words, client_ref=client_ref)
    made.told_to = last
    session.add(made)
    session.flush()
    record(session, f"incident.{name}", at=now, incident_id=incident.id, update_id=made.id)
    return made


def note_update(
    session: Session,
    incident: Incident,
    name: str,
    by: By,
    now: datetime,
    *,
    words: Mapping[str, str] | None = None,
    note: str = "",
    client_ref: str | None = None,
) -> IncidentUpdate:
    """Writes down what happened to the (held) incident."""
    made = IncidentUpdate(
        incident_id=incident.id, name=name, words=dict(words or {}), note=note, actor_id=by.id, actor_name=by.name,
        client_ref=client_ref, at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _row(jurisdiction_id: str, draft: Draft, *, state: str, client_ref: str | None, now: datetime) -> Incident:
    made = Incident(
        jurisdiction_id=jurisdiction_id, kind=draft.kind, state=state, client_ref=client_ref, created_at=now
    )
    made.basis, made.alert = dict(draft.basis), dict(draft.alert)
    fill(made, draft)
    return made


def draft_of(incident: Incident) -> Draft:
    """What it says, as a draft."""
    return Draft(
        incident.kind,
        incident.title,
        incident.written,
        incident.spoken,
        incident.service_codes,
        incident.group_codes,
        incident.areas,
        None if incident.geometry is None else shapely.from_wkb(incident.geometry),
        incident.expected_end_at,
    )


def fill(incident: Incident, draft: Draft) -> None:
    """Writes the draft, which was checked, into the row."""
    incident.kind = draft.kind
    incident.title, incident.written, incident.spoken = dict(draft.title), dict(draft.written), dict(draft.spoken)
    incident.service_codes, incident.group_codes = list(draft.service_codes), list(draft.group_codes)
    incident.areas = [dict(area) for area in draft.areas]
    incident.geometry = None if draft.geometry is None else shapely.to_wkb(draft.geometry)
    incident.expected_end_at = draft.expected_end_at


def _refuse_unknown(known: Catalog, draft: Draft) -> None:
    groups = {service.group_code for service in known.services}
    if any(code not in known.by_code for code in draft.service_codes) or not set(draft.group_codes) <= groups:
        raise InvalidInput("Ese servicio ya no existe. Elige otra vez de qué se trata.", field="topics")


def _of_client_ref(session: Session, jurisdiction_id: str, client_ref: str) -> Incident | None:
    same = select(Incident).where(Incident.jurisdiction_id == jurisdiction_id, Incident.client_ref == client_ref)
    return session.exec(same).one_or_none()


def of_same_form(session: Session, incident_id: UUID, client_ref: str | None) -> IncidentUpdate | None:
    """What this form has done already, if it was sent before."""
    if client_ref is None:
        return None
    same = select(IncidentUpdate).where(
        IncidentUpdate.incident_id == incident_id, IncidentUpdate.client_ref == client_ref
    )
    return session.exec(same).one_or_none()
