"""What an agent writes: drafts that are kept, how long a text is, and the answer itself."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from agent_console import threads
from agent_console.accounts import Viewer
from agent_console.models import ReplyDraft
from agent_console.rendering import say
from agent_console.threads import Route, Somebody
from channels import composing
from intake.catalog import queries as catalog
from intake.conversations import actions as conversations
from intake.conversations import queries
from intake.conversations.models import Conversation
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import translate

MOST = 1600


def draft_of(session: Session, viewer: Viewer, thread: Conversation) -> str:
    """What this agent had begun to write here."""
    found = session.get(ReplyDraft, (viewer.user_id, thread.id))
    return found.body if found else ""


def keep_draft(
    session: Session, viewer: Viewer, thread: Conversation, text: str, *, ref: str = "", now: datetime
) -> None:
    """Nothing to keep takes away what was kept, and so does an answer of the same `ref`, sent while this was on its way."""
    text = text.replace("\0", "")[:MOST]
    if not text.strip() or (ref and queries.is_written(session, thread.id, _reference(ref))):
        drop_draft(session, viewer, thread.id)
        return
    draft = {"user_id": viewer.user_id, "conversation_id": thread.id, "body": text, "changed_at": now}
    session.execute(
        insert(ReplyDraft)
        .values(draft)
        .on_conflict_do_update(index_elements=["user_id", "conversation_id"], set_={"body": text, "changed_at": now})
    )


def _reference(ref: str) -> str:
    return f"agent-{ref[:64]}"


def drop_draft(session: Session, viewer: Viewer, conversation_id: UUID) -> None:
    session.execute(
        delete(ReplyDraft).where(
            col(ReplyDraft.user_id) == viewer.user_id, col(ReplyDraft.conversation_id) == conversation_id
        )
    )


def meter(session: Session, viewer: Viewer, thread: Conversation, text: str) -> str:
    """How long the text is, in words: `134 letras, 1 SMS`; "" of nothing."""
    if not text.strip():
        return ""
    letters = say(viewer.language, "{n} letra", "{n} letras", len(text))
    try:
        count = composing.parts(thread.channel, text, catalog.jurisdiction(session, thread.jurisdiction_id))
    except InvalidInput as refusal:
        return f"{letters}. {translate(viewer.language, refusal.text)}"
    return letters if count is None else f"{letters}, {count} SMS"


def send(
    session: Session,
    viewer: Viewer,
    person: Somebody,
    thread: Conversation,
    text: str,
    *,
    to: str,
    ref: str,
    now: datetime,
) -> UUID:
    """Queues the answer on the chosen route and gives its thread. The same ref again sends nothing.

    Raises InvalidInput for words or a route that cannot be used, Conflict when somebody else has the thread.
    """
    if not text:
        raise InvalidInput("Escribe el mensaje antes de enviarlo.", field="text")
    if thread.taken_by not in (None, viewer.user_id) and thread.state == "with_agent":
        raise Conflict("La atiende {name}. Tómala para responder.", field="text", name=thread.taken_by_name)
    route = route_of(threads.routes_of(session, viewer, person, thread, now), to)
    composing.refuse_unsendable(
        route.channel,
        text,
        catalog.jurisdiction(session, thread.jurisdiction_id),
        last_inbound_at=queries.last_inbound_at(session, route.contact.id, route.channel),
    )
    if route.is_this:
        target = thread.id
    else:
        opened = conversations.open_conversation(
            session, route.contact, route.channel, language=thread.language, now=now
        )
        target = opened.id
    taken = conversations.take(session, target, viewer.user_id, viewer.name, seen=None, now=now)
    sent = conversations.queue_message(
        session,
        taken.id,
        text,
        client_ref=_reference(ref),
        author_kind="agent",
        author_name=viewer.name,
        now=now,
    )
    for id_ in {thread.id, target, sent.conversation_id}:
        drop_draft(session, viewer, id_)
    return sent.conversation_id


def route_of(routes: list[Route], to: str) -> Route:
    """The way that was chosen; this thread when none was. Raises NotFound."""
    if not to:
        return routes[0]
    found = next((route for route in routes if route.value == to), None)
    if found is None:
        raise NotFound("No encontramos por dónde responder.")
    return found
