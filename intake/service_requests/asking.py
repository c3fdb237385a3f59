"""Asking the router about a report: answers, replies about a border, what agencies have open, and who serves outside."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlmodel import Session

from georef.points import LonLat
from intake.catalog.definitions import ServiceDefinition
from intake.service_requests.answers import Answer
from intake.service_requests.elsewhere import who_serves
from routing import queries as routing
from routing.values import RoutingDecision

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


def whose(
    session: Session,
    service: ServiceDefinition,
    *,
    point: LonLat | None,
    precision_m: float | None,
    at: datetime,
    answers: Mapping[str, Answer],
    settled: Mapping[str, str] | None = None,
) -> RoutingDecision:
    """Who answers for a report, by when and why. The same before it is made, when it is made, and on the command line."""
    return routing.route(
        session,
        jurisdiction_id=service.jurisdiction_id,
        service_code=service.code,
        service_group=service.group_code,
        promise=service.promise,
        point=point,
        precision_m=precision_m,
        at=at,
        answers=answers,
        settled=settled,
        count_open=partial(count_open, session, service.jurisdiction_id),
        who_serves=partial(who_serves, session, service.jurisdiction_id),
    )
