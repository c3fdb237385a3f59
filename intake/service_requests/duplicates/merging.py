"""Two requests are one: the later one is closed as a duplicate and points at the first, its reporters follow that one.

No chains and no circles: a request that has duplicates is nobody's duplicate. Merging a request that has some gives them all to
the new parent; undoing gives back exactly those. Every row that is changed is locked first, lowest id first.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from intake.service_requests import lifecycle
from intake.service_requests.change import add_note, change_status
from intake.service_requests.duplicates.links import lock_all, merging_of, separate, tell
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import MAX_DESCRIPTION, Actor
from kernel.errors import Conflict, NotFound
from kernel.folio import spaced
from kernel.i18n import translate


def merge(
    session: Session,
    duplicate_id: UUID,
    parent_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    said: tuple[str, Mapping[str, Any]] | None = None,
) -> ServiceRequest:
    """Makes the first a duplicate of the second, or of what that is a duplicate of itself; returns the parent.

    Doing it twice does it once. `said`: words for the public, and data of their event. Raises NotFound, Conflict for two that
    cannot be one.
    """
    duplicate, parent, children = _lock_family(session, duplicate_id, parent_id)
    if duplicate.parent_id == parent.id and duplicate_id != parent_id:
        return parent
    if parent.id in (duplicate.id, duplicate.parent_id):
        raise Conflict("Esas dos solicitudes ya son una.")
    if duplicate.jurisdiction_id != parent.jurisdiction_id:
        raise NotFound("No encontramos ese reporte.")
    if duplicate.parent_id is not None:
        raise Conflict("Esta solicitud ya es duplicado de otra. Sepárala primero.")
    if duplicate.is_public != parent.is_public:
        raise Conflict("Una es pública y la otra no: no se pueden unir.")
    counted = _people_new_to(session, duplicate, parent)
    before = duplicate.life
    words, story = said or ("", {})
    where = translate(duplicate.language, "Sigue en el folio {folio}.", folio=spaced(parent.folio))
    note = f"{words} {where}".strip()
    note = note if len(note) <= MAX_DESCRIPTION else words
    story = {**story, "parent_folio": parent.folio}
    if duplicate.life != lifecycle.CLOSED:
        change_status(
            session,
            duplicate.id,
            life=lifecycle.CLOSED,
            outcome_code="duplicate",
            note=note,
            actor=actor,
            now=now,
            data=story,
        )
    elif words:
        add_note(session, duplicate.id, text=note, audience="public", actor=actor, now=now, data=story)
    for child in (*children, duplicate):
        child.parent_id = parent.id
        session.add(child)
    parent.report_count += counted
    data = {
        "parent_id": str(parent.id),
        "parent_folio": parent.folio,
        "before": before,
        "counted": counted,
        "moved": [str(child.id) for child in children],
    }
    tell(session, duplicate, "merged", actor, now, data)
    told = {"duplicate_id": str(duplicate.id), "folio": duplicate.folio, "report_count": parent.report_count}
    tell(session, parent, "duplicate_added", actor, now, told)
    return parent


def undo(session: Session, duplicate_id: UUID, *, actor: Actor, now: datetime) -> ServiceRequest:
    """Separates a duplicate again and returns it: open once more, if the merging is what closed it. Raises NotFound, Conflict."""
    found = session.get(ServiceRequest, duplicate_id)
    if found is None:
        raise NotFound("No encontramos ese reporte.")
    if found.parent_id is None:
        raise Conflict("Esta solicitud no es duplicado de ninguna.")
    duplicate, parent, _ = _lock_family(session, duplicate_id, found.parent_id)
    if duplicate.parent_id != parent.id:
        raise Conflict("Alguien cambió este reporte mientras lo veías. Revísalo y vuelve a intentarlo.")
    merging = merging_of(session, duplicate.id)
    separate(session, duplicate, parent, merging, actor=actor, now=now)
    if merging is not None and merging.data.get("before") != lifecycle.CLOSED and duplicate.life == lifecycle.CLOSED:
        change_status(session, duplicate.id, life=lifecycle.REOPENED, actor=actor, now=now)
    return duplicate


def _lock_family(
    session: Session, duplicate_id: UUID, parent_id: UUID
) -> tuple[ServiceRequest, ServiceRequest, Sequence[ServiceRequest]]:
    """The duplicate, the root of its parent and the duplicate's own duplicates, as they are now, all locked in one order."""
    root_id, children_ids = _family(session, duplicate_id, parent_id)
    rows = lock_all(session, {duplicate_id, root_id, *children_ids})
    duplicate, root = rows[duplicate_id], rows[root_id]
    children = [rows[one] for one in children_ids if rows[one].parent_id == duplicate_id and one != root_id]
    # Between looking and locking somebody may have joined either of them to another: they look again.
    if root.parent_id is not None and root.parent_id != duplicate_id:
        raise Conflict("Alguien cambió este reporte mientras lo veías. Revísalo y vuelve a intentarlo.")
    if root.parent_id == duplicate_id:
        raise Conflict("Esas dos solicitudes ya son una.")
    return duplicate, root, children


def taking_part(session: Session, duplicate_id: UUID, parent_id: UUID) -> set[UUID]:
    """Whatever `merge` would lock: for who locks before. Raises NotFound."""
    root_id, children_ids = _family(session, duplicate_id, parent_id)
    return {duplicate_id, root_id, *children_ids}


def _family(session: Session, duplicate_id: UUID, parent_id: UUID) -> tuple[UUID, Sequence[UUID]]:
    named = session.exec(
        select(ServiceRequest.id, ServiceRequest.parent_id).where(col(ServiceRequest.id).in_((duplicate_id, parent_id)))
    ).all()
    parents = dict(named)
    if len({duplicate_id, parent_id} & parents.keys()) < len({duplicate_id, parent_id}):
        raise NotFound("No encontramos ese reporte.")
    root_id = parents[parent_id] or parent_id
    return root_id, session.exec(select(ServiceRequest.id).where(ServiceRequest.parent_id == duplicate_id)).all()


def _people_new_to(session: Session, duplicate: ServiceRequest, parent: ServiceRequest) -> int:
    """How many of the duplicate's people the parent does not count yet."""
    theirs = set(_contacts(session, [parent.id]))
    ours = _contacts(session, [duplicate.id])
    return max(0, duplicate.report_count - len(theirs & set(ours)))


def _contacts(session: Session, ids: Collection[UUID]) -> list[UUID]:
    """Contact points of those who reported these requests or their duplicates."""
    family = select(ServiceRequest.id).where(col(ServiceRequest.id).in_(ids) | col(ServiceRequest.parent_id).in_(ids))
    found = session.exec(
        select(Report.contact_point_id).where(
            col(Report.service_request_id).in_(family), col(Report.contact_point_id).is_not(None)
        )
    )
    return [one for one in found if one is not None]
