"""Approved templates in the composer: chosen, filled in, looked at, sent. For a network whose window is closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.rows import Row
from agent_console.threads import Route
from intake.catalog import queries as catalog
from intake.conversations import actions as conversations
from intake.conversations import approved
from intake.conversations.approved import Template
from intake.conversations.models import Conversation
from kernel.errors import Conflict, NotFound
from kernel.folio import spaced
from kernel.i18n import translate

NAMES: Mapping[str, str] = {
    "folio": "Folio",
    "service": "Tipo de reporte",
    "agency": "Dependencia",
    "date": "Fecha",
    "note": "Nota",
    "name": "Nombre de la persona",
    "city": "Ciudad",
}


@dataclass(frozen=True)
class Field:
    """One variable to fill in."""

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class Chooser:
    """route: where it would go. options: what the city has; chosen: with its fields and, once it was asked for, how it reads."""

    route: Route
    options: Sequence[Template]
    chosen: Template | None = None
    fields: Sequence[Field] = ()
    preview: str = ""


def chooser(
    session: Session,
    viewer: Viewer,
    thread: Conversation,
    routes: Sequence[Route],
    rows: Sequence[Row],
    *,
    key: str,
    given: Mapping[str, str],
    name: str,
    preview: str = "",
) -> Chooser | None:
    """None where every way takes free words. given: what was typed; else what is known of the person and their newest request."""
    route = next((one for one in routes if not one.is_open), None)
    if route is None:
        return None
    options = options_of(session, thread, route.channel)
    chosen = next((one for one in options if one.key == key), None)
    if chosen is None:
        return Chooser(route, options)
    city = catalog.jurisdiction(session, thread.jurisdiction_id)
    known = {"city": city.name, "name": name}
    if rows:
        known |= {"folio": spaced(rows[0].folio), "service": rows[0].what}
    fields = [
        Field(
            one,
            translate(viewer.language, NAMES[one]) if one in NAMES else one,
            given.get(f"var-{one}", known.get(one, "")),
        )
        for one in chosen.variables
    ]
    return Chooser(route, options, chosen, fields, preview)


def options_of(session: Session, thread: Conversation, channel: str) -> list[Template]:
    """The templates of the thread's city, in the language that its person is written to in."""
    city = catalog.jurisdiction(session, thread.jurisdiction_id)
    return approved.templates_of(city.settings, channel, thread.language)


def find(session: Session, thread: Conversation, channel: str, key: str) -> Template:
    """Raises NotFound for one that the city does not have (any more)."""
    found = next((one for one in options_of(session, thread, channel) if one.key == key), None)
    if found is None:
        raise NotFound("La ciudad ya no tiene esa plantilla.")
    return found


def send(
    session: Session,
    viewer: Viewer,
    thread: Conversation,
    route: Route,
    template: Template,
    values: Mapping[str, str],
    *,
    ref: str,
    now: datetime,
) -> UUID:
    """Queues the template on that route and gives its thread. The same ref again sends nothing.

    values: as `approved.checked` gave them. Raises Conflict when somebody else has the thread.
    """
    if thread.taken_by not in (None, viewer.user_id) and thread.state == "with_agent":
        raise Conflict("La atiende {name}. Tómala para responder.", field="template", name=thread.taken_by_name)
    target = thread.id
    if not route.is_this:
        opened = conversations.open_conversation(
            session, route.contact, route.channel, language=thread.language, now=now
        )
        target = opened.id
    taken = conversations.take(session, target, viewer.user_id, viewer.name, seen=None, now=now)
    # The network has a text for each language: it goes out in the one that was looked at.
    taken.language = thread.language
    return conversations.queue_message(
        session,
        taken.id,
        approved.filled(template, values),
        client_ref=f"agent-{ref[:64]}",
        author_kind="agent",
        author_name=viewer.name,
        template=template.key,
        template_params=dict(values),
        now=now,
    ).conversation_id
