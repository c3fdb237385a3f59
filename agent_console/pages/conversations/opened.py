"""A thread that its viewer may change, and the page of whoever writes in it."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console import replying, threads
from agent_console.access import BASE, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.forms import Problem, new_ref
from agent_console.pages.conversations import inbox, people_shown, proofs_shown, templating
from agent_console.pages.conversations.inbox import InboxFilters
from agent_console.pages.conversations.people_shown import Candidate
from agent_console.presentation import channel_look
from agent_console.rendering import render_for, see_other
from agent_console.rows import names, rows_of
from agent_console.timeline import story
from intake.conversations import attachments, notes
from intake.conversations.models import Conversation
from kernel import clock
from kernel.sessions import SessionDep

# Agency staff read what is about their requests, on those requests' pages.
STAFF = [Depends(only("operator", "supervisor", "admin"))]
_NEIGHBOURS = 12
# What happened just before the first message that is shown belongs to it.
_BEFORE = timedelta(minutes=1)


@dataclass(frozen=True)
class Typed:
    """What was typed into a form that was refused, by field."""

    values: dict[str, str] = field(default_factory=dict)
    ref: str = ""

    def get(self, name: str) -> str:
        return self.values.get(name, "")


class Opened:
    """Raises NotFound for a thread of another city."""

    def __init__(
        self, http_request: Request, session: SessionDep, viewer: WriterDep, conversation_id: uuid.UUID
    ) -> None:
        self.http_request, self.session, self.viewer = http_request, session, viewer
        self.thread = threads.find(session, viewer, conversation_id)
        self.person = threads.somebody(session, self.thread)

    def shown(self, typed: Typed) -> Response:
        """The page as it is, with what was typed."""
        return page(self.http_request, self.session, self.viewer, self.thread, typed=typed)

    def after(
        self,
        problem: Problem | None,
        typed: Typed | None = None,
        *,
        at: str = "newest",
        of: UUID | None = None,
        found: list[Candidate] | None = None,
    ) -> Response:
        """Back to the page (of thread `of`) at `at`; with a problem, or persons that were found, the page shows them."""
        if problem is None and found is None:
            return see_other(f"{BASE}/conversaciones/{of or self.thread.id}#{at}")
        return page(
            self.http_request, self.session, self.viewer, self.thread, problem=problem, typed=typed, found=found
        )


OpenedDep = Annotated[Opened, Depends()]


def page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    thread: Conversation,
    *,
    problem: Problem | None = None,
    typed: Typed | None = None,
    before: int | None = None,
    found: list[Candidate] | None = None,
    template: str = "thread.html",
) -> HTMLResponse:
    """before: shows the messages older than this one."""
    now = clock.now()
    person = threads.somebody(session, thread)
    messages, older = threads.messages_of(session, person, before)
    requests = threads.requests_of(session, viewer, person)
    folios = threads.folios_of(session, requests, messages)
    since = messages[0].at - _BEFORE if messages and older is not None else None
    until = messages[-1].at if messages and before is not None else None
    written = [note for note in notes.of_threads(session, list(person.threads), since) if not until or note.at < until]
    days = story(
        threads.events_of(session, requests, since, until),
        messages,
        [],
        people={one.id: person.called(one.contact_point_id) for one in person.threads.values()},
        timezone=viewer.timezone,
        language=viewer.language,
        now=now,
        attachments=attachments.of_messages(session, [message.id for message in messages]),
        opens=True,
        notes=written,
        others=proofs_shown.happenings(session, viewer, person, since, until, now),
    )
    contact = person.contacts[thread.contact_point_id]
    routes = threads.routes_of(session, viewer, person, thread, now)
    rows = rows_of(requests, names(session, viewer), viewer, now=now)
    typed = typed or Typed({"text": replying.draft_of(session, viewer, thread)})
    return render_for(
        http_request,
        viewer,
        f"conversations/{template}",
        status=problem.status if problem else 200,
        thread=thread,
        who=person.called(thread.contact_point_id),
        address=masked(contact),
        channel=channel_look(thread.channel, viewer.language),
        state=inbox.state_look(thread, viewer.language),
        is_mine=thread.taken_by == viewer.user_id,
        thread_ids=" ".join(str(id_) for id_ in person.threads),
        days=days,
        folios={str(id_): folio for id_, folio in folios.items()},
        older=older,
        before=before,
        file_to=requests[:6],
        rows=rows,
        templates=templating.chooser(
            session,
            viewer,
            thread,
            routes,
            rows,
            key=typed.get("template") or http_request.query_params.get("template", ""),
            given=typed.values,
            name=person.name,
            preview=typed.get("preview"),
        ),
        routes=routes,
        this_route=routes[0],
        meter=replying.meter(session, viewer, thread, typed.get("text")),
        identity=people_shown.identity_of(session, viewer, person, thread, now),
        found=found,
        others=inbox.page_of(session, viewer, InboxFilters(), now, _NEIGHBOURS).lines,
        problem=problem,
        typed=typed,
        ref=typed.ref or new_ref(),
    )
