"""A caller proves by a code that they hold a telephone: what was reported from it in confidence is told to them, in this call.

What the machine says must not tell whether there is such a report: everything here answers alike for a folio that there is not.
"""

from datetime import datetime

import structlog
from sqlmodel import Session

from intake.calls.models import Call
from intake.conversations.values import VOICE
from intake.people import thread_codes
from intake.people.codes import Refusal
from intake.people.models import ContactPoint
from intake.service_requests import queries as service_requests
from kernel.rows import change

_log = structlog.get_logger(__name__)


def send_code(session: Session, call: Call, folio: str, *, now: datetime) -> None:
    """Has a code sent to the telephone from which this was reported, if there is such a report, and one may be sent there."""
    target = _telephone_of(session, call, folio)
    if target is None:
        return
    asker = session.get_one(ContactPoint, call.contact_point_id)
    asked = thread_codes.ask(
        session, asker, target, call.conversation_id, asked_on=VOICE, language=call.language, now=now
    )
    if isinstance(asked, Refusal):
        _log.info("voice_code_refused", call_id=str(call.id), reason=asked.reason)


def try_code(session: Session, call: Call, digits: str, *, now: datetime) -> bool:
    """Whether these are the digits; then what was reported from that telephone may be told in this call."""
    is_right = thread_codes.answer(session, call.conversation_id, digits, now=now)
    if is_right:
        change(session, call, proved_at=now)
    return is_right


def _telephone_of(session: Session, call: Call, folio: str) -> ContactPoint | None:
    """The one they call from, if it was reported from there; else that of whoever reported it first."""
    request = service_requests.by_folio(session, folio, jurisdiction_id=call.jurisdiction_id)
    if request is None:
        return None
    told = service_requests.reports_of(session, request.id)
    ids = [report.contact_point_id for report in told if report.contact_point_id is not None]
    if call.contact_point_id in ids:
        ids.insert(0, call.contact_point_id)
    telephones = (session.get_one(ContactPoint, one) for one in ids)
    return next((one for one in telephones if one.kind == "phone"), None)
