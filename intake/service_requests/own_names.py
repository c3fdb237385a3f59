"""What those are called who reported a request, as far as they said: the rules for public text hide it."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlmodel import Session, col, select

from intake.people.actions import name_of
from intake.people.models import Person
from intake.service_requests.models import Report


def own_names(session: Session, request_ids: Collection[UUID]) -> Mapping[UUID, tuple[str, ...]]:
    """By request; one without reporters who said a name is not among them."""
    found: dict[UUID, tuple[str, ...]] = {}
    asked = (
        select(Report.service_request_id, Person)
        .join(Person, col(Person.id) == col(Report.person_id))
        .where(col(Report.service_request_id).in_(request_ids), col(Person.name_sealed).is_not(None))
    )
    for request_id, person in session.exec(asked):
        found[request_id] = (*found.get(request_id, ()), name_of(person))
    return found
