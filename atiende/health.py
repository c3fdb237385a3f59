"""`/healthz`: the process lives. `/readyz`: it can take reports (the database answers, its schema is ours, a city is there).

Rules that fail do not make it unready, an older set decides, but it says so. When no set of any city can decide, it is not ready.
"""

import structlog
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from atiende.migrate import newest_revision
from kernel import clock, db
from routing import alerts, queries

router = APIRouter()
log = structlog.get_logger(__name__)


@router.get("/healthz", include_in_schema=False)
def healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz", include_in_schema=False)
def readyz() -> PlainTextResponse:
    try:
        with db.transaction() as session:
            connection = session.connection()
            revision = connection.scalar(text("SELECT max(version_num) FROM alembic_version"))
            # A newer schema is fine: the update of the database goes before that of the web processes.
            if revision is None or revision < newest_revision():
                return PlainTextResponse("schema\n", status_code=503)
            ready = connection.scalar(text("SELECT EXISTS (SELECT FROM jurisdiction)"))
            cities = connection.scalars(text("SELECT DISTINCT jurisdiction_id FROM rule_set ORDER BY 1")).all()
            stuck = [city for city in cities if queries.why_undecided(session, city) is not None]
            failing = [
                f"rules of {alert.jurisdiction_id}: version {alert.version} fails, {alert.used_version} decides\n"
                for alert in alerts.everywhere(session, clock.now().date())
            ]
    except SQLAlchemyError:
        return PlainTextResponse("database\n", status_code=503)
    if not ready:
        return PlainTextResponse("no jurisdiction\n", status_code=503)
    if stuck:
        log.error("no version of the rules can decide", jurisdictions=stuck)
    failing += [f"rules of {city}: no version can decide, reports are refused\n" for city in stuck]
    # One city's rules are no reason to turn away the others; a process that can take no report at all is not ready.
    if stuck and len(stuck) == len(cities):
        return PlainTextResponse("".join(["rules\n", *failing]), status_code=503)
    return PlainTextResponse("".join(["ready\n", *failing]))
