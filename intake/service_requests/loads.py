"""How much an agency has open, for rules that pass work on when it has as much as it can take."""

from sqlmodel import Session

# Counting stops at the limit, however long the queue is.
_COUNT = """
    SELECT count(*) FROM (
        SELECT 1 FROM service_request
         WHERE jurisdiction_id = %(jurisdiction_id)s AND agency_code = %(agency_code)s AND life <> 'closed'
         LIMIT %(most)s
    ) AS held
    """


def count_open(session: Session, jurisdiction_id: str, agency_code: str, most: int) -> int:
    """Requests of the agency that are not closed, `most` for any number from there on."""
    given = {"jurisdiction_id": jurisdiction_id, "agency_code": agency_code, "most": most}
    counted: int = session.connection().exec_driver_sql(_COUNT, given).scalar_one()
    return counted
