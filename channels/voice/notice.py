"""That a call is recorded, said before it is: while somebody waits, so that nobody waits for it once an operator is there."""

from datetime import datetime

from sqlmodel import Session

from intake.calls import recordings
from intake.calls.models import Call
from kernel.i18n import translate


def words(language: str) -> str:
    return translate(language, "Esta llamada se graba. Si no quiere que se grabe, dígalo a quien le atienda.")


def told(session: Session, call: Call, language: str, *, now: datetime) -> str:
    """What is to be said to this (held) caller now, written down as said; "" where nothing is recorded, or it was heard."""
    if not recordings.policy_of(session, call).is_on or recordings.is_heard(session, call, now=now):
        return ""
    said = words(language)
    recordings.announce(session, call, said, language=language, now=now)
    return said
