"""What is looked for after a request was made: those that nobody could be asked about. May run twice."""

from uuid import UUID

from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.service_requests import lifecycle
from intake.service_requests.change import lock
from intake.service_requests.duplicates import deciding
from intake.service_requests.duplicates.lookup import around, sighting_of
from kernel import clock, db

MOST_FOUND = 5


def find_duplicates(service_request_id: str, **_: object) -> None:
    """Marks the pairs that staff should look at: of clients that cannot ask, and of two people who reported at once."""
    with db.transaction() as session:
        find(session, UUID(service_request_id))


def find(session: Session, service_request_id: UUID) -> int:
    """How many pairs are new. What somebody has decided, or was found before, is left as it is."""
    service_request = lock(session, service_request_id)
    known = catalog.catalog(session, service_request.jurisdiction_id)
    definition = known.by_code.get(service_request.service_code)
    told = sighting_of(definition, service_request)
    if definition is None or told is None or service_request.life == lifecycle.CLOSED:
        return 0
    found = around(session, definition, told, now=clock.now(), but=service_request_id)
    pairs = deciding.pairs_of(session, service_request_id) if found else ()
    fresh = [one for one in deciding.as_shown(found)[:MOST_FOUND] if one.candidate_id not in pairs]
    deciding.record(
        session,
        service_request.jurisdiction_id,
        fresh,
        "found",
        "system",
        service_request_id=service_request_id,
        channel=service_request.channel,
        now=clock.now(),
    )
    return len(fresh)
