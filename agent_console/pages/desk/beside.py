"""A call that this operator is in and that is not theirs: asked by a colleague, or listening as a supervisor."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from intake.calls import rooms
from intake.calls.line_models import CallBridge, CallLeg
from intake.distribution.models import WorkItem
from kernel.i18n import translate

WORDS = {
    "consulted": "{name} te consulta. La persona oye música.",
    "listen": "Escuchas la llamada de {name}. Nadie te oye.",
    "whisper": "Susurras: te oye {name}, y la persona no.",
    "unheard": "Vas a susurrar: todavía no te oye nadie.",
    "talk": "Estás en la llamada de {name}: te oyen los dos.",
}


@dataclass(frozen=True)
class Beside:
    """words: how they are in it; is_in: they hear it already."""

    leg_id: UUID
    call_id: UUID
    words: str
    is_in: bool
    is_consulted: bool


def of(session: Session, viewer: Viewer) -> Beside | None:
    """The newest one."""
    found = session.exec(
        select(CallLeg, CallBridge)
        .join(CallBridge, col(CallBridge.call_id) == col(CallLeg.call_id))
        .where(
            CallLeg.agent_id == viewer.user_id,
            col(CallLeg.state) != "ended",
            col(CallLeg.role).in_(("consulted", "supervisor")),
            col(CallLeg.is_wanted),
            CallBridge.jurisdiction_id == viewer.jurisdiction_id,
        )
        .order_by(col(CallLeg.created_at).desc())
    ).first()
    if found is None:
        return None
    leg, bridge = found
    words = WORDS["consulted" if leg.role == "consulted" else _heard(leg)]
    name = _whose(session, bridge, leg)
    return Beside(
        leg.id,
        leg.call_id,
        translate(viewer.language, words, name=name),
        leg.state == "joined",
        leg.role == "consulted",
    )


def _heard(leg: CallLeg) -> str:
    return "unheard" if leg.mode == "whisper" != leg.mode_done else leg.mode


def _whose(session: Session, bridge: CallBridge, leg: CallLeg) -> str:
    transfer = rooms.open_transfer(session, leg.call_id) if leg.role == "consulted" else None
    if transfer is not None:
        return transfer.from_agent_name
    item = session.get(WorkItem, bridge.work_item_id)
    return rooms.name_of(session, item.agent_id) if item is not None and item.agent_id else "–"
