"""Asking who would answer before a report is made, for the one question that a place near a border needs."""

from datetime import datetime

from sqlmodel import Session

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.conversations.dialogue.state import Border, Side
from intake.conversations.dialogue.steps import Submit
from intake.service_requests.answers import read_answers
from intake.service_requests.asking import whose


def find_border(session: Session, jurisdiction_id: str, report: Submit, *, now: datetime) -> Border | None:
    """The question and its replies when the place may as well be somebody else's; None when it is plain who answers."""
    service = catalog.catalog(session, jurisdiction_id).by_code.get(report.service_code)
    if service is None or report.place is None:
        return None
    decision = whose(
        session,
        service,
        point=LonLat(report.place.lon, report.place.lat),
        precision_m=report.place.precision_m,
        at=now,
        answers=read_answers(service, report.attributes)[0],
    )
    doubt = decision.receipt.get("border_case")
    if doubt is None:
        return None
    return Border(doubt["question"], tuple(Side(reply["name"], reply["settled"]) for reply in doubt["replies"]))
