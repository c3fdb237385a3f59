"""A draft and its last calculation as the page shows them, in the reader's language."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.presentation import ago, owner
from intake.whatif import pictures, reroutes, runs
from intake.whatif.reading import Reading
from kernel.errors import AtiendeError
from kernel.i18n import translate
from routing import drafts, publishing, rule_sets
from routing import queries as routing
from routing.draft_models import RoutingDraft


@dataclass(frozen=True)
class DraftLink:
    id: UUID
    name: str
    who: str
    is_current: bool


@dataclass(frozen=True)
class Side:
    """The left column: open drafts, and what is in force."""

    drafts: list[DraftLink]
    layers: int
    rules: int
    tests: int
    to_reroute: int
    is_reroutes: bool = False


def side_of(
    session: Session, viewer: Viewer, current: RoutingDraft | None = None, *, is_reroutes: bool = False
) -> Side:
    """What the left column of every page about routing shows."""
    known = routing.city(session, viewer.jurisdiction_id)
    newest = drafts.newest_of(session, viewer.jurisdiction_id)
    return Side(
        drafts=[
            DraftLink(draft.id, draft.name, draft.changed_by, current is not None and draft.id == current.id)
            for draft in drafts.open_drafts(session, viewer.jurisdiction_id)
        ],
        layers=len(known.layers),
        rules=len(known.book.rules),
        tests=len(newest.content.get("tests", ())),
        to_reroute=sum(pair.waiting for pair in reroutes.pairs(session, viewer.jurisdiction_id)),
        is_reroutes=is_reroutes,
    )


class Shown:
    """One draft: what it is, what its calculation says, and what stands before publishing it."""

    def __init__(self, session: Session, viewer: Viewer, draft: RoutingDraft, *, now: datetime) -> None:
        language = viewer.language
        self.draft = draft
        self.is_open = draft.state == "open"
        self.changed = ago(draft.changed_at, now, viewer.timezone, language)
        self.layers = [
            layer.name.get(language) or layer.name.get("es") or layer.key
            for layer in drafts.layers_in(session, draft.id)
        ]
        self.has_rules = draft.rules is not None
        self.valid_from = pictures.short_day(draft.valid_from, language) if draft.valid_from else ""
        self.run = runs.newest(session, draft.id)
        done = runs.newest_done(session, draft.id)
        self.is_running = self.run is not None and self.run.state in ("waiting", "running")
        self.share = min(99, 100 * self.run.done // max(self.run.total, 1)) if self.run else 0
        self.outcome: dict[str, Any] | None = done.outcome if done else None
        self.reading = Reading(self.outcome, language) if self.outcome else None
        self.is_old = done is not None and done.draft_version != draft.version and self.is_open
        self.made = ago(done.finished_at, now, viewer.timezone, language) if done and done.finished_at else ""
        self.period = (
            f"{pictures.short_day(done.first, language)} – {pictures.short_day(done.last, language)}" if done else ""
        )
        last = self.run or done
        self.first_day = last.first.isoformat() if last else ""
        self.last_day = last.last.isoformat() if last else ""
        self.title = self.reading.title() if self.reading else draft.name
        self.failing: list[str] = []
        self.tests = len(draft.tests)
        self.refusal = ""
        # Of what is in force, and not of the draft.
        self.lost_tests: tuple[str, ...] = ()
        self.earliest = self.latest = ""
        if self.is_open:
            self._look_ahead(session, viewer, now)

    def _look_ahead(self, session: Session, viewer: Viewer, now: datetime) -> None:
        """What would keep the draft from being published."""
        first = publishing.earliest(session, self.draft, now)
        self.earliest = first.day.isoformat()
        self.latest = publishing.latest(session, viewer.jurisdiction_id, now).isoformat()
        try:
            results = publishing.results_of(session, self.draft, first.day)
            newest = drafts.newest_of(session, viewer.jurisdiction_id)
            self.lost_tests = rule_sets.tests_removed(newest.content, drafts.content_of(session, self.draft))
        except AtiendeError as refusal:
            self.refusal = refusal.public_text(viewer.language)
            return
        names = {
            code: agency.name for code, agency in routing.city(session, viewer.jurisdiction_id).book.agencies.items()
        }
        self.failing = [
            translate(
                viewer.language,
                "{what}. Debe ir a {expected}; va a {got}.",
                what=(result.test.note or result.test.code).rstrip("."),
                expected=owner(result.test.expects, names, viewer.language),
                got=owner(result.got, names, viewer.language) or result.error,
            )
            for result in results
            if not result.passed
        ]
