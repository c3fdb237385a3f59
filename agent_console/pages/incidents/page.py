"""Handlers of incidents: the list, one of them, the forms, and what is done about alarms."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.forms import Problem, new_ref, problem_of
from agent_console.pages.incidents import rows, typed
from agent_console.pages.incidents.typed import Typed
from agent_console.rendering import render_for, see_other
from intake.calls.limit_models import CallerFlag
from intake.conversations import waiting_answers
from intake.incidents import actions, earlier, places, queries, surges
from intake.incidents.actions import AlreadyOpen, By
from intake.incidents.models import Incident
from intake.incidents.values import MOST_TITLE, MOST_WRITTEN
from intake.people import flags, spending
from intake.service_requests.target_models import TargetFlag
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.errors import AtiendeError, Conflict
from kernel.i18n import translate
from kernel.sessions import SessionDep

HOME = f"{BASE}/incidentes"
# What everybody attached is told, where the supervisor writes nothing else.
LAST_WORDS = {
    "end": "Terminó: {title}. Si sigue pasando, escríbenos.",
    "reopen": "Dijimos que había terminado, pero sigue: {title}. Te avisamos cuando termine.",
}
router = APIRouter(prefix="/incidentes", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])
_ENDED_SHOWN = 20
_LOOKS_BACK = 6  # hours before it was opened, unless the supervisor chooses others


class _Change(NamedTuple):
    """What a form wants done to one incident."""

    session: Session
    incident: Incident
    form: Form
    viewer: Viewer
    now: datetime

    @property
    def by(self) -> By:
        return By(self.viewer.user_id, self.viewer.name)

    def draft(self, read: Typed) -> Any:
        return typed.to_draft(self.session, self.viewer, read, self.now, self.incident)


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    now, city = clock.now(), viewer.jurisdiction_id
    return render_for(
        http_request,
        viewer,
        "incidents/list.html",
        proposed=rows.rows_of(session, viewer, queries.listed(session, city, ["proposed"]), now=now),
        open_ones=rows.rows_of(session, viewer, queries.listed(session, city, ["open"]), now=now),
        over=rows.rows_of(
            session, viewer, queries.listed(session, city, ["ended", "dismissed"], limit=_ENDED_SHOWN), now=now
        ),
        breakers=rows.breakers_of(session, viewer, now=now),
        flags=rows.flags_of(session, viewer, now=now),
        callers=rows.callers_of(session, viewer, now=now),
    )


@router.get("/nuevo")
def ask(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _form(http_request, session, viewer, Typed(ref=new_ref()))


@router.post("/nuevo")
def make(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    read, now = typed.read(form), clock.now()
    try:
        draft = typed.to_draft(session, viewer, read, now)
        by, ref = By(viewer.user_id, viewer.name), read.ref or None
        made = actions.open_incident(
            session, viewer.jurisdiction_id, draft, by=by, client_ref=ref, is_another=read.is_another, now=now
        )
    except AtiendeError as refusal:
        return _form(http_request, session, viewer, read, refusal=refusal)
    return see_other(f"{HOME}/{made.id}")


@router.get("/{incident_id}")
def show_one(
    http_request: Request, session: SessionDep, viewer: ViewerDep, incident_id: uuid.UUID, antes: int = _LOOKS_BACK
) -> HTMLResponse:
    return _page(http_request, session, viewer, queries.get(session, incident_id, viewer.jurisdiction_id), hours=antes)


@router.get("/{incident_id}/cambiar")
def ask_to_edit(http_request: Request, session: SessionDep, viewer: ViewerDep, incident_id: uuid.UUID) -> HTMLResponse:
    incident = queries.get(session, incident_id, viewer.jurisdiction_id)
    return _form(http_request, session, viewer, typed.of_incident(incident), incident=incident)


@router.post("/{incident_id}/cambiar")
def edit(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    incident, read, now = queries.get(session, incident_id, viewer.jurisdiction_id), typed.read(form), clock.now()
    try:
        draft = typed.to_draft(session, viewer, read, now, incident)
        write = actions.accept if incident.state == "proposed" else actions.edit
        by = By(viewer.user_id, viewer.name)
        write(session, incident.id, draft, version=typed.version_of(form), by=by, now=now)
    except AtiendeError as refusal:
        return _form(http_request, session, viewer, read, incident=incident, refusal=refusal)
    return see_other(f"{HOME}/{incident.id}")


@router.post("/{incident_id}/descartar")
def dismiss(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    def change(to: _Change) -> None:
        actions.dismiss(
            to.session,
            to.incident.id,
            version=typed.version_of(form),
            by=to.by,
            note=form.get("note")[:300],
            now=to.now,
        )

    return _change(http_request, session, viewer, form, incident_id, change, "dismiss", home=HOME)


@router.post("/{incident_id}/noticia")
def post_update(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    def change(to: _Change) -> None:
        _say(to, actions.post_update)

    return _change(http_request, session, viewer, form, incident_id, change, "update")


@router.post("/{incident_id}/terminar")
def end(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    def change(to: _Change) -> None:
        _say(to, actions.end)

    return _change(http_request, session, viewer, form, incident_id, change, "end")


@router.post("/{incident_id}/reabrir")
def reopen(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    def change(to: _Change) -> None:
        _say(to, actions.reopen)

    return _change(http_request, session, viewer, form, incident_id, change, "reopen")


@router.post("/{incident_id}/anteriores")
def attach_earlier(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    def change(to: _Change) -> None:
        earlier.attach(
            to.session,
            to.incident.id,
            typed.request_ids(form),
            _words(to.form),
            version=typed.version_of(form),
            by=to.by,
            client_ref=to.form.get("ref")[:64] or None,
            now=to.now,
        )

    return _change(http_request, session, viewer, form, incident_id, change, "earlier")


@router.post("/{incident_id}/anteriores/{update_id}/deshacer")
def take_back(
    http_request: Request,
    session: SessionDep,
    viewer: WriterDep,
    form: FormDep,
    incident_id: uuid.UUID,
    update_id: uuid.UUID,
) -> Response:
    def change(to: _Change) -> None:
        earlier.take_back(to.session, to.incident.id, update_id, version=typed.version_of(form), by=to.by, now=to.now)

    return _change(http_request, session, viewer, form, incident_id, change, "earlier")


@router.post("/{incident_id}/fila")
def open_line(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, incident_id: uuid.UUID
) -> Response:
    def change(to: _Change) -> None:
        surges.open_line(
            to.session,
            to.incident.id,
            typed.operator_ids(form),
            form.number("hours"),
            version=typed.version_of(form),
            by=to.by,
            now=to.now,
        )

    return _change(http_request, session, viewer, form, incident_id, change, "line")


@router.post("/alarmas/{breaker_id}")
def reset(session: SessionDep, viewer: WriterDep, form: FormDep, breaker_id: uuid.UUID) -> Response:
    if form.get("waiting") == "drop":
        _drop_waiting(session, viewer, breaker_id)
    spending.reset(session, breaker_id, viewer.jurisdiction_id, by=viewer.user_id, by_name=viewer.name, now=clock.now())
    return see_other(HOME)


@router.post("/direcciones/{flag_id}")
def review(session: SessionDep, viewer: WriterDep, form: FormDep, flag_id: uuid.UUID) -> Response:
    return _reviewed(session, viewer, form, TargetFlag, flag_id)


@router.post("/llamadas/{flag_id}")
def review_caller(session: SessionDep, viewer: WriterDep, form: FormDep, flag_id: uuid.UUID) -> Response:
    return _reviewed(session, viewer, form, CallerFlag, flag_id)


def _drop_waiting(session: Session, viewer: Viewer, breaker_id: uuid.UUID) -> None:
    """Raises Conflict once somebody has let it go on: what still waits there is on its way to whoever asked."""
    found = spending.owned(session, breaker_id, viewer.jurisdiction_id)
    is_own_again = found.reset_by == viewer.user_id and not waiting_answers.count(session, [breaker_id])
    if found.reset_at is not None and not is_own_again:
        raise Conflict(
            "{who} ya decidió qué hacer con esta alarma mientras la veías. Eso se queda: no quitamos ninguna respuesta.",
            who=found.reset_by_name,
        )
    waiting_answers.drop(session, breaker_id)


def _reviewed(
    session: SessionDep, viewer: WriterDep, form: FormDep, table: type[TargetFlag | CallerFlag], flag_id: uuid.UUID
) -> Response:
    note, by, city = form.get("note"), viewer.user_id, viewer.jurisdiction_id
    flags.review(session, table, flag_id, city, note=note, by=by, by_name=viewer.name, now=clock.now())
    return see_other(HOME)


def _say(to: _Change, say: Callable[..., Any]) -> None:
    words = _words(to.form)
    ref = to.form.get("ref")[:64] or None
    say(to.session, to.incident.id, words, version=typed.version_of(to.form), by=to.by, client_ref=ref, now=to.now)


def _words(form: Form) -> dict[str, str]:
    return {language: form.get(f"words_{language}") for language in ("es", "en")}


def _change(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    form: Form,
    incident_id: uuid.UUID,
    change: Callable[[_Change], None],
    which: str,
    *,
    home: str = "",
) -> Response:
    """Does it and shows the incident; a refusal comes back with everything that was typed."""
    incident = queries.get(session, incident_id, viewer.jurisdiction_id)
    try:
        with session.begin_nested():
            change(_Change(session, incident, form, viewer, clock.now()))
    except AtiendeError as refusal:
        session.refresh(incident)
        problem = problem_of(refusal, viewer, "words_es", which)
        return _page(http_request, session, viewer, incident, problem=problem, form=form)
    return see_other(home or f"{HOME}/{incident_id}")


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    incident: Incident,
    *,
    problem: Problem | None = None,
    form: Form | None = None,
    hours: int = _LOOKS_BACK,
) -> HTMLResponse:
    now = clock.now()
    back = hours if hours in earlier.HOURS else _LOOKS_BACK
    counts = queries.attached(session, [incident.id])[incident.id]
    title = incident.title
    otherwise = {
        which: {language: translate(language, words, title=title.get(language, "")) for language in title}
        for which, words in LAST_WORDS.items()
    } | {"update": {}, "earlier": dict(incident.written)}
    return render_for(
        http_request,
        viewer,
        "incidents/incident.html",
        status=problem.status if problem else 200,
        incident=incident,
        row=rows.row_of(session, viewer, incident, counts, now=now),
        updates=rows.updates_of(session, viewer, incident, now=now),
        sketch=rows.sketch_of(session, viewer, incident, now=now),
        operators=rows.operators_of(session, viewer, incident, now=now),
        waiting=surges.waiting(session, incident),
        before=rows.earlier_of(session, viewer, incident, hours=back, now=now),
        spans=earlier.HOURS,
        problem=problem,
        warning=rows.beyond_reach(session, viewer, incident),
        may_reopen=incident.ended_at is not None and incident.ended_at > now - actions.REOPENED_WITHIN,
        said={which: _said(form, problem, which, words) for which, words in otherwise.items()},
        note=form.get("note") if form else "",
        most=MOST_WRITTEN,
        ref=new_ref(),
    )


def _said(form: Form | None, problem: Problem | None, which: str, otherwise: dict[str, str]) -> dict[str, str]:
    """What was typed into this one of the page's forms, else what stands there at first."""
    if form is not None and problem is not None and problem.form == which:
        return {language: form.get(f"words_{language}") for language in ("es", "en")}
    return {language: otherwise.get(language, "")[:MOST_WRITTEN] for language in ("es", "en")}


def _form(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    read: Typed,
    *,
    incident: Incident | None = None,
    refusal: AtiendeError | None = None,
) -> HTMLResponse:
    problem = problem_of(refusal, viewer, "form") if refusal else None
    return render_for(
        http_request,
        viewer,
        "incidents/form.html",
        status=problem.status if problem else 200,
        typed=read,
        incident=incident,
        problem=problem,
        same=refusal.incident_id if isinstance(refusal, AlreadyOpen) else None,
        kinds=typed.KINDS,
        topics=typed.topics(session, viewer),
        choices=places.choices(session, viewer.jurisdiction_id, viewer.today(clock.now())),
        most_title=MOST_TITLE,
        most_written=MOST_WRITTEN,
        why=rows.row_of(
            session, viewer, incident, queries.attached(session, [incident.id])[incident.id], now=clock.now()
        ).why
        if incident
        else (),
    )
