"""News of a request for those who reported it: one message for each event and reporter, unless they want none."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.conversations import actions, queries, wording
from intake.conversations.models import Conversation
from intake.conversations.own_texts import own_texts
from intake.conversations.requests import in_words
from intake.conversations.values import VOICE
from intake.people import actions as people
from intake.people import spending
from intake.people.models import ContactPoint
from intake.people.same import NOBODYS
from intake.service_requests import queries as service_requests
from intake.service_requests.models import Report, ServiceRequest, ServiceRequestEvent
from kernel import db

# Reports that nobody was answered in a conversation.
_UNANSWERED = """
    SELECT 1 FROM report WHERE service_request_id = $1 AND conversation_id IS NULL AND contact_point_id IS NOT NULL
    AND wants_notices LIMIT 1
"""
# How somebody who reported without a conversation is told, by the kind of address they left.
_channels: dict[str, str] = {"phone": "sms"}
# Where anybody may leave any number.
_STRANGERS = (VOICE, "web")
# Where a message to them is answered in the same thread.
_CONVERSE = ("sms", "whatsapp", "telegram", "web_chat", "email")


def configure(channels: Mapping[str, str]) -> None:
    """By kind of address, the channel that reaches it. An address that no channel of this installation reaches waits for none."""
    _channels.clear()
    _channels.update({"phone": "sms"} | dict(channels))


def channel_of(contact_point: ContactPoint, channel: str) -> str | None:
    """On which channel news reaches whoever contacted us on this one from this address; None when none does.

    A call is over when there is news, and forms have no thread: then it is by the kind of their address.
    """
    if contact_point.kind in NOBODYS:
        return None
    return channel if channel in _CONVERSE else _channels.get(contact_point.kind)


def tell_reporters(session: Session, service_request_id: UUID, event_id: int | None, *, now: datetime) -> None:
    """Queues what `event_id` means to each reporter; None: that the report was received.

    Those who reported in a conversation were answered there, so the receipt is only for the others.
    """
    if event_id is None and not db.fetch(session, _UNANSWERED, [service_request_id], prepare=True):
        return
    request = session.get(ServiceRequest, service_request_id)
    event = session.get(ServiceRequestEvent, event_id) if event_id is not None else None
    if request is None or (event_id is not None and (event is None or event.name != "status_changed")):
        return
    # Whoever reported a duplicate of it follows it too; that it was received concerns its own reporters.
    find = service_requests.reports_of if event is None else service_requests.followers_of
    told: set[UUID] = set()
    # Always in the same order: two events of one request must not wait for each other.
    for report in sorted(find(session, request.id), key=lambda r: str(r.contact_point_id)):
        if report.contact_point_id is None or not report.wants_notices or report.contact_point_id in told:
            continue
        if event is None and report.conversation_id is not None:
            continue
        told.add(report.contact_point_id)
        _tell(session, request, report, report.contact_point_id, event, now)


def tell_of_call(session: Session, conversation_id: UUID, *, now: datetime) -> int:
    """Queues the folio of each report that was made in this thread, which was a call: a text message to who made it, once.

    How many were queued; none for who wants no notices, nor for a number that was withheld.
    """
    made = service_requests.reports_in(session, conversation_id)
    for report, request in made:
        if report.contact_point_id is not None and report.wants_notices:
            _tell(
                session,
                request,
                report,
                report.contact_point_id,
                None,
                now,
                is_joined=report.idempotency_key is not None,
            )
    return len(made)


def take_back_of_call(session: Session, conversation_id: UUID, *, now: datetime) -> None:
    """What `tell_of_call` has queued is not sent, unless it is on its way."""
    for report, request in service_requests.reports_in(session, conversation_id):
        if report.contact_point_id is not None:
            refs = [f"received-{request.id}", f"joined-{report.id}"]
            actions.suppress_notices(session, report.contact_point_id, refs=refs, now=now)


def tell_not_called(session: Session, call_thread: Conversation, work_item_id: UUID, *, now: datetime) -> None:
    """Queues to whoever called, and was called back in vain, that they were: once for each wish to be called."""
    contact_point = session.get_one(ContactPoint, call_thread.contact_point_id)
    channel, client_ref = _channels.get(contact_point.kind), f"callback-{work_item_id}"
    if channel is None:
        return
    thread = actions.open_conversation(session, contact_point, channel, language=call_thread.language, now=now)
    people.lock(session, contact_point.id)
    if people.is_opted_out(session, contact_point.id) or queries.is_sent(session, contact_point.id, client_ref):
        return
    city = catalog.jurisdiction(session, contact_point.jurisdiction_id)
    # The number that shows may be anybody's.
    if channel == "sms" and not spending.spend(session, city.id, people.address_of(contact_point), "folio", now=now):
        return
    language = call_thread.language
    own = own_texts(session, city.id, language, channel)
    body = wording.say(language, "notice", "not_called", own, city=city.name)
    actions.queue_message(session, thread.id, body, client_ref=client_ref, author_kind="notice", now=now)


def _may_cost(session: Session, report: Report, contact_point: ContactPoint, now: datetime) -> bool:
    """False where a stranger who left this number would earn by the message; it counts."""
    if report.channel not in _STRANGERS:
        return True
    city, phone = contact_point.jurisdiction_id, people.address_of(contact_point)
    return spending.spend(session, city, phone, "folio", now=now)


def tell_joined(session: Session, service_request_id: UUID, report_id: UUID, *, now: datetime) -> None:
    """Queues to whoever joined a request on a channel without a conversation that they are heard, and under which folio."""
    request, report = session.get(ServiceRequest, service_request_id), session.get(Report, report_id)
    if request is None or report is None or report.conversation_id is not None:
        return
    if report.contact_point_id is not None and report.wants_notices:
        _tell(session, request, report, report.contact_point_id, None, now, is_joined=True)


def _tell(
    session: Session,
    request: ServiceRequest,
    report: Report,
    contact_point_id: UUID,
    event: ServiceRequestEvent | None,
    now: datetime,
    *,
    is_joined: bool = False,
) -> None:
    contact_point = session.get_one(ContactPoint, contact_point_id)
    began = session.get(Conversation, report.conversation_id) if report.conversation_id else None
    # Nobody is called to be told: whoever called is written to.
    began = None if began and began.channel == VOICE else began
    channel = began.channel if began else _channels.get(contact_point.kind)
    if channel is None:
        return
    conversation = actions.open_conversation(session, contact_point, channel, now=now)
    # Whoever is saying "no more notices" right now is waited for, and obeyed.
    people.lock(session, contact_point_id)
    client_ref = f"event-{event.id}" if event else f"joined-{report.id}" if is_joined else f"received-{request.id}"
    if people.is_opted_out(session, contact_point_id) or queries.is_sent(session, contact_point_id, client_ref):
        return
    if event is None and channel == "sms" and not _may_cost(session, report, contact_point, now):
        return
    language = conversation.language if began else request.language
    words = in_words(session, request, language, conversation.channel)
    if not request.is_public:
        # Somebody else may read it; who wrote in this thread can ask for more in it.
        words = replace(words, private_news="private_news" if began else "private_news_call")
    template: tuple[str, dict[str, str]] | None = None
    if event is None:
        is_told = is_joined and request.is_public  # it may have been hidden since
        body: str | None = wording.joined(words, now) if is_told else wording.receipt(words, now)
    else:
        life, outcome_code = event.data.get("life", ""), event.data.get("outcome_code")
        body = wording.notice(words, life, outcome_code, event.note, now)
        template = wording.notice_template(words, life, outcome_code, event.note, now)
    if body is not None:
        actions.queue_message(
            session,
            conversation.id,
            body,
            client_ref=client_ref,
            author_kind="notice",
            service_request_id=request.id,
            template=template[0] if template else None,
            template_params=template[1] if template else None,
            now=now,
        )
