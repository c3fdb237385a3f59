"""Builds the page of the desk, whole or the parts that change by themselves."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.forms import Problem, new_ref, problem_of
from agent_console.pages.desk import beside, call_shown, called_back, ending, phones, shown, talk, waiting
from agent_console.pages.desk.seat import CALLS, Seat, Sitting, address, seat_of
from agent_console.rendering import render_for
from intake.distribution import actions as distribution
from intake.distribution.lifecycle import ASSIGNED, WRAPPING
from intake.distribution.models import WorkItem
from kernel.errors import AtiendeError, InvalidInput


@dataclass(frozen=True)
class Typed:
    """What was written in a form that was refused, and to which contact: it stands in no other one's form."""

    item_id: UUID | None = None
    text: str = ""
    note: str = ""

    def of(self, item: WorkItem | None) -> "Typed":
        return self if item is not None and item.id == self.item_id else Typed()


def page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    turn: int,
    item_id: UUID | None,
    *,
    problem: Problem | None = None,
    typed: Typed = Typed(),
    template: str = "desk/desk.html",
) -> HTMLResponse:
    now = distribution.database_now(session)
    seat = seat_of(session, viewer, turn, now=now)
    item = seat.item(item_id)
    parts_only = template == "desk/_parts.html"
    work = {} if parts_only or item is None else talk.talk_of(session, viewer, item, typed.of(item).text, now)
    has_call = seat.is_mine and item is not None and item.kind in CALLS and item.state == ASSIGNED
    phone = phones.phone_of(http_request.app.state.settings, viewer.user_id)
    response = render_for(
        http_request,
        viewer,
        template,
        status=problem.status if problem and not parts_only else 200,
        seat=seat,
        now=now,
        item=item,
        here=address(turn, item.id if item else None),
        desk_at=address,
        presence=shown.presence_of(seat, viewer.language),
        breaks=shown.BREAKS,
        held=shown.held_lines(session, viewer, seat.items, now),
        in_call=call_shown.call_of(session, viewer, seat.items),
        topics=call_shown.topics(session, viewer) if has_call and not parts_only else [],
        phone=phone,
        called_back=called_back.of_item(session, viewer, item, now),
        beside=beside.of(session, viewer) if seat.is_mine else None,
        just_missed=called_back.just_missed(session, viewer, now) if seat.is_mine and not seat.items else "",
        offered=_offered(session, viewer, seat, now),
        line=waiting.summary(session, viewer, now),
        owed=[(one, ending.choices_of(session, viewer, one)) for one in seat.owed[:1]],
        choices=ending.choices_of(session, viewer, item) if item and item.state == WRAPPING else [],
        problem=problem,
        ref=new_ref(),
        typed=typed,
        stray=_stray(seat, item, typed),
        **({"thread": None, "heard": 0} | work),
    )
    if phone is not None:
        response.headers.update(phone.headers)
    return response


def _offered(session: Session, viewer: Viewer, seat: Seat, now: datetime) -> tuple[WorkItem, shown.Caller] | None:
    if seat.offer is None:
        return None
    item = session.get_one(WorkItem, seat.offer.work_item_id)
    return item, shown.caller_of(session, viewer, item, why=seat.offer.reason, now=now)


def _stray(seat: Seat, item: WorkItem | None, typed: Typed) -> str:
    """The words that no form of this page can hold any more; they are shown to be copied."""
    here = typed.of(item) if item is not None and seat.is_mine and item.conversation_id else Typed()
    text = "" if here.text and item is not None and item.kind == "text" else typed.text
    owed = any(typed.of(one).note for one in seat.owed[:1])
    return text or ("" if here.note or owed else typed.note)


def refused(
    sitting: Sitting, refusal: AtiendeError, *, item_id: UUID | None = None, text: str = "", note: str = ""
) -> Response:
    """The desk as it is now, and why what was asked was not done. text, note: what was written with it."""
    problem, typed = problem_of(refusal, sitting.viewer, "desk"), Typed(item_id, text, note.strip())
    return page(
        sitting.http_request, sitting.session, sitting.viewer, sitting.turn, item_id, problem=problem, typed=typed
    )


def known_break(reason: str) -> str:
    """Raises InvalidInput for a break that is not on the list."""
    if reason and reason not in shown.BREAKS:
        raise InvalidInput("Di qué pausa es.", field="reason")
    return reason
