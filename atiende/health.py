"""`/healthz`: the process lives. `/readyz`: it can take reports (the database answers and its schema is current)."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from kernel import db

router = APIRouter()


@router.get("/healthz", include_in_schema=False)
def healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz", include_in_schema=False)
def readyz() -> PlainTextResponse:
    try:
        with db.transaction() as session:
            ready = session.connection().scalar(
                text("SELECT count(*) FROM (SELECT 1 FROM jurisdiction LIMIT 1) AS any_city")
            )
    except (OperationalError, ProgrammingError):
        return PlainTextResponse("database\n", status_code=503)
    return PlainTextResponse("ready\n") if ready else PlainTextResponse("no jurisdiction\n", status_code=503)
