"""What an administrator can do to a webhook. A refusal comes back as a `Problem`, so that nothing typed is lost."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of, seed
from intake.webhooks import actions, payload
from intake.webhooks.models import Webhook
from kernel.bodies import Form
from kernel.errors import AtiendeError, InvalidInput


@dataclass(frozen=True)
class Typed:
    """What was in the form, to be shown again. `ref` makes the form's secret: sent twice, it is one webhook."""

    ref: str
    url: str = ""
    agency_code: str = ""
    event_types: tuple[str, ...] = payload.TYPES


def read(form: Form) -> Typed:
    return Typed(
        ref=form.get("ref"),
        url=form.get("url").strip(),
        agency_code=form.get("agency_code").strip(),
        event_types=tuple(form.get_all("event_type")),
    )


def make(
    session: Session, viewer: Viewer, session_key: bytes, typed: Typed, *, now: datetime
) -> tuple[Webhook, str] | Problem:
    """The webhook that the form asks for and its secret; the same form again is the same one with the same secret."""
    try:
        if not typed.event_types:
            raise InvalidInput("Elige al menos una cosa de la que avisar.", field="event_types")
        is_all = set(typed.event_types) == set(payload.TYPES)
        return actions.make(
            session,
            viewer.jurisdiction_id,
            typed.url,
            agency_code=typed.agency_code or None,
            # All of them means also those that do not exist yet.
            event_types=() if is_all else typed.event_types,
            made_by=viewer.name,
            now=now,
            secret=secret(session_key, viewer, typed.ref),
        )
    except AtiendeError as refusal:
        return problem_of(refusal, viewer, "url")


def secret(session_key: bytes, viewer: Viewer, ref: str) -> str:
    return payload.secret_of(seed(session_key, viewer, "webhook", ref))
