"""Calls that nobody could take in, as the pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agent_console.accounts import Viewer
from agent_console.presentation import Look, ago, channel_look
from channels.failed_payloads import why
from channels.models import InboundPayload, InboundPayloadEvent
from kernel.i18n import translate

STATES: Mapping[str, tuple[str, str, str]] = {
    "failed": ("Nadie pudo leerlo", "danger", "alert"),
    "aside": ("Apartado", "quiet", "minus"),
    "waiting": ("Se intenta otra vez", "wait", "loop"),
    "taken": ("Leído", "ok", "ok"),
}
DONE: Mapping[str, str] = {
    "opened": "{name} lo abrió, {when}",
    "tried_again": "{name} pidió intentarlo otra vez, {when}",
    "set_aside": "{name} lo apartó, {when}",
}


@dataclass(frozen=True)
class Row:
    """One call. next_at: when it is tried again by itself, "" when it is not."""

    id: UUID
    when: str
    channel: Look
    why: str
    tries: int
    state: Look
    code: str
    next_at: str


@dataclass(frozen=True)
class Done:
    text: str
    reason: str


def row_of(payload: InboundPayload, viewer: Viewer, now: datetime) -> Row:
    code = "aside" if payload.set_aside_at and payload.state == "failed" else payload.state
    word, css, icon = STATES[code]
    minutes = -(-int((payload.changed_at - now).total_seconds()) // 60)
    is_later = code == "waiting" and minutes > 0
    return Row(
        payload.id,
        ago(payload.received_at, now, viewer.timezone, viewer.language),
        channel_look(payload.channel, viewer.language),
        why(payload, viewer.language),
        payload.attempts,
        Look(translate(viewer.language, word), icon, css),
        code,
        translate(viewer.language, "dentro de {minutes} min", minutes=minutes) if is_later else "",
    )


def done_rows(events: Sequence[InboundPayloadEvent], viewer: Viewer, now: datetime) -> list[Done]:
    return [
        Done(
            translate(
                viewer.language,
                DONE[event.name],
                name=event.actor_name,
                when=ago(event.at, now, viewer.timezone, viewer.language),
            ),
            event.reason,
        )
        for event in events
    ]
