"""Who sits at the desk, in which window, and with what in hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Request
from sqlmodel import Session, col, select

from agent_console.access import BASE, WriterDep, only
from agent_console.accounts import AT_DESKS, Viewer
from intake.distribution import actions as distribution
from intake.distribution import labelling
from intake.distribution.lifecycle import ASSIGNED, WRAPPING
from intake.distribution.models import AgentSession, Offer, WorkItem
from intake.distribution.values import LEASE
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Conflict, InvalidInput
from kernel.sessions import SessionDep

HERE = f"{BASE}/atencion"
STAFF = [Depends(only(*AT_DESKS))]
# A page without scripts is heard of when it is loaded again, and somebody may be writing in it.
QUIET_LEASE = timedelta(minutes=3)
# Such a page cannot ring: three threads, and never a call.
QUIET_CAPACITY = 75
# A callback's call comes when it is taken; until then it is a call all the same.
CALLS = ("voice", "callback")


@dataclass(frozen=True)
class Seat:
    """turn: this window's epoch, 0 of one without. standing: `off`, `mine`, `elsewhere` (another window acts), `ended`."""

    agent: AgentSession | None
    turn: int
    standing: str
    items: Sequence[WorkItem]
    offer: Offer | None
    owed: Sequence[WorkItem]

    @property
    def awake(self) -> Sequence[WorkItem]:
        """Without the threads that rest."""
        return [item for item in self.items if item.resting_since is None]

    @property
    def is_mine(self) -> bool:
        return self.standing == "mine"

    def item(self, item_id: UUID | None) -> WorkItem | None:
        """The one that is asked for, else what cannot wait: a call, then talks, then notes; what rests comes last."""
        found = next((one for one in self.items if one.id == item_id), None)
        return found or (self.items[0] if self.items else None)


def seat_of(session: Session, viewer: Viewer, turn: int, *, now: datetime) -> Seat:
    """As it is now."""
    agent = session.get(AgentSession, viewer.user_id)
    items = session.exec(
        select(WorkItem)
        .where(WorkItem.agent_id == viewer.user_id, col(WorkItem.state).in_((ASSIGNED, WRAPPING)))
        .order_by(
            col(WorkItem.resting_since).is_not(None),
            col(WorkItem.kind).not_in(CALLS),
            col(WorkItem.state),
            col(WorkItem.assigned_at),
        )
    ).all()
    standing, offer = _standing(agent, turn), None
    if standing == "mine":
        offer = session.exec(
            select(Offer).where(Offer.agent_id == viewer.user_id, Offer.state == "pending", col(Offer.expires_at) > now)
        ).first()
    owed = labelling.owed(session, viewer.user_id, now=now) if standing == "mine" else []
    return Seat(agent, turn, standing, items, offer, owed)


def _standing(agent: AgentSession | None, turn: int) -> str:
    if agent is None or agent.state == "offline":
        return "ended" if turn and agent is not None else "off"
    return "mine" if agent.epoch == turn else "elsewhere"


def stay(session: Session, viewer: Viewer, turn: int, *, beats: bool, now: datetime) -> None:
    """A page that is loaded is heard of, with or without scripts; one that may only look is not.

    beats: its scripts fetched it, and say that it is there from then on.
    """
    try:
        distribution.heartbeat(session, viewer.user_id, epoch=turn, lease=LEASE if beats else QUIET_LEASE, now=now)
    except Conflict:
        return


def address(turn: int, item_id: UUID | None = None, at: str = "") -> str:
    """Where this window is. at: what has the focus then, by its id; a script that fetches it never sees the fragment."""
    values = {"turno": turn or "", "contacto": item_id or "", "foco": at}
    query = urlencode({key: value for key, value in values.items() if value})
    return f"{HERE}{'?' + query if query else ''}{'#' + at if at else ''}"


class Sitting:
    """A form of the desk: who sent it, and from which window."""

    def __init__(self, http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> None:
        self.http_request, self.session, self.viewer, self.form = http_request, session, viewer, form
        self.turn = number(form.get("turno"))

    def own(self, item_id: UUID) -> WorkItem:
        """The contact in this operator's hands, and in this very window. Raises Conflict."""
        seat = self.live()
        found = next((item for item in seat.items if item.id == item_id), None)
        if found is None:
            raise Conflict("Ese contacto ya no es tuyo.")
        return found

    def live(self) -> Seat:
        """Raises Conflict for a window that may only look."""
        seat = seat_of(self.session, self.viewer, self.turn, now=clock.now())
        if not seat.is_mine:
            raise Conflict("Tu turno se abrió en otra ventana, o terminó. Recarga la página para volver.")
        return seat


SittingDep = Annotated[Sitting, Depends()]


def number(text: str) -> int:
    """Of a window; 0 of none. Raises InvalidInput."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidInput("Algo de lo que se mandó no se entiende. Vuelve atrás y revísalo.")
    return int(text)
