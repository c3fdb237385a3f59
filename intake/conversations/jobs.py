"""Jobs of conversations. Each opens its own transaction and may run twice."""

from datetime import timedelta
from uuid import UUID

from intake.conversations import attachments, in_line, photo_offers, photo_places, proofs, queries
from intake.conversations.acting import answer_waiting as answer_next
from intake.conversations.actions import follow_ended
from intake.conversations.advance import advance_with, make_unanswered
from intake.conversations.attachment_models import photo_key
from intake.conversations.incident_news import tell_attached as tell_next_attached
from intake.conversations.notices import tell_joined as tell_who_joined
from intake.conversations.notices import tell_reporters
from intake.media.receiving import receive
from intake.media.storage import shelf
from intake.media.values import SentFile
from intake.people import codes, guessing, spending
from kernel import clock, db

# Who does not answer "is it the same?" in this time has reported something of its own.
ANSWERS_WITHIN = timedelta(minutes=30)
# What strangers made us send is counted by the hour.
COUNTS_KEPT_FOR = timedelta(days=2)
_BATCH = 100


def make_unanswered_reports() -> None:
    """Makes the reports that wait for nothing but an answer to "is it the same?", each in its own transaction."""
    now = clock.now()
    with db.transaction() as session:
        waiting = queries.unanswered(session, now - ANSWERS_WITHIN, limit=_BATCH)
    for conversation_id in waiting:
        with db.transaction() as session:
            make_unanswered(session, conversation_id, now=now)


def advance_conversation(message_id: str, **_: object) -> None:
    """Answers this message, and every one before it that still waits, in one transaction."""
    with db.transaction(is_steady=True) as session:
        advance_with(session, UUID(message_id), now=clock.now())


def follow_work_item(work_item_id: str, agent_id: str | None = None, **_: object) -> None:
    """The thread is whose its work item is."""
    with db.transaction() as session:
        in_line.follow(session, UUID(work_item_id), UUID(agent_id) if agent_id else None, now=clock.now())


def follow_ended_work(work_item_id: str, **_: object) -> None:
    """A thread whose work ended by itself is nobody's no longer than a moment."""
    with db.transaction() as session:
        follow_ended(session, UUID(work_item_id), now=clock.now())


def give_photo(attachment_id: str, **_: object) -> None:
    """Makes a stored photo of a message a photo of the request that the message is part of."""
    with db.transaction() as session:
        row = attachments.held(session, UUID(attachment_id))
        if row is None or row.media_file_id is not None or not row.is_photo or row.storage_key is None:
            return
    # What was made anew already is small and clean; a request keeps a copy of its own, since the thread may be forgotten.
    clean = shelf().storage.get(photo_key(row.storage_key))
    received = receive(row.jurisdiction_id, [SentFile(clean)], now=clock.now())
    with db.transaction() as session:
        attachments.give(session, row.id, received.ids, now=clock.now())


def offer_place_of_photo(attachment_id: str, **_: object) -> None:
    """Says that the place which a photo carries may be used, where the dialogue asks for one."""
    with db.transaction() as session:
        photo_offers.offer(session, UUID(attachment_id), now=clock.now())


def forget_photo_places() -> None:
    """Forgets the places of photos that nobody said may be used. Runs every minute."""
    with db.transaction() as session:
        photo_places.expire(session, now=clock.now())


def tell_resident(service_request_id: str, event_id: int | None = None, **_: object) -> None:
    """Tells the reporters of a request what just happened to it; without event_id, that it was received."""
    with db.transaction() as session:
        tell_reporters(session, UUID(service_request_id), event_id, now=clock.now())


def tell_joined(service_request_id: str, report_id: str, **_: object) -> None:
    """Tells whoever said that theirs is the same which folio it goes on under."""
    with db.transaction() as session:
        tell_who_joined(session, UUID(service_request_id), UUID(report_id), now=clock.now())


def tell_attached(update_id: str, **_: object) -> None:
    """Tells the next of those attached to an incident what was said of it."""
    tell_next_attached(UUID(update_id), now=clock.now())


def answer_waiting(breaker_id: str, **_: object) -> None:
    """Answers those who asked while a breaker stood open, once a person let messages go again."""
    with db.transaction() as session:
        is_more = answer_next(session, UUID(breaker_id), now=clock.now())
    while is_more:
        with db.transaction() as session:
            is_more = answer_next(session, UUID(breaker_id), now=clock.now())


def send_code(code_id: str, **_: object) -> None:
    """Queues the message that carries a one-time code."""
    with db.transaction() as session:
        proofs.send(session, UUID(code_id), now=clock.now())


def forget_codes() -> None:
    """Closes one-time codes that nobody typed in time; their digits are forgotten. Runs every minute."""
    with db.transaction() as session:
        codes.expire(session, now=clock.now())
        spending.forget_counts(session, clock.now() - COUNTS_KEPT_FOR)
        guessing.forget(session, clock.now() - COUNTS_KEPT_FOR)
