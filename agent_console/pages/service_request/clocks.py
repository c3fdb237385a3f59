"""The clocks of a request beside its date: first answer, silence, pauses, steps, terms, and how long such requests take."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.presentation import ago, span_in_words
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.forecasts import queries as forecasts
from intake.forecasts.words import Told
from intake.service_requests import lifecycle, promises
from intake.service_requests.clock_models import REASONS, RequestEscalation, RequestPause
from intake.service_requests.models import ServiceRequest
from kernel.dates import moment_in_words
from kernel.i18n import translate

UNITS = {
    "working_days": "{n} días hábiles",
    "working_hours": "{n} horas hábiles",
    "hours": "{n} horas",
    "days": "{n} días",
}


@dataclass(frozen=True)
class Mark:
    """One line: a name, what stands there, and whether it is bad (late) or held (standing still)."""

    name: str
    text: str
    css: str = ""


def forecast_of(session: Session, service_request: ServiceRequest) -> Told | None:
    """What is said of such requests; nothing any more of one that is closed."""
    if service_request.life == lifecycle.CLOSED:
        return None
    city = catalog.jurisdiction(session, service_request.jurisdiction_id)
    return forecasts.told(session, city, service_request.service_code, service_request.areas)


def marks_of(session: Session, found: ServiceRequest, viewer: Viewer, now: datetime) -> list[Mark]:
    """Everything that the clocks say, in the order in which it is read."""
    marks = [_first_answer(found, viewer, now), _silence(found, viewer, now)]
    marks += [_pause(pause, viewer, now) for pause in promises.pauses_of(session, found)]
    marks += _steps(session, found, viewer)
    marks.append(_terms(found, viewer))
    return [mark for mark in marks if mark is not None]


def _first_answer(found: ServiceRequest, viewer: Viewer, now: datetime) -> Mark | None:
    if found.first_answer_due_at is None:
        return None
    name, language = translate(viewer.language, "Primera respuesta"), viewer.language
    answered, due = found.first_answered_at, found.first_answer_due_at
    if answered is not None:
        when = ago(answered, now, viewer.timezone, language)
        if answered <= due:
            return Mark(name, translate(language, "{when}, a tiempo", when=when))
        late = span_in_words(answered - due, language)
        return Mark(name, translate(language, "{when}, tarde por {span}", when=when, span=late))
    if found.closed_at is not None:
        return Mark(name, translate(language, "no la hubo"))
    return _running(name, due, viewer, now)


def _silence(found: ServiceRequest, viewer: Viewer, now: datetime) -> Mark | None:
    if found.silence_due_at is None:
        return None
    return _running(translate(viewer.language, "Siguiente noticia"), found.silence_due_at, viewer, now)


def _moment(at: datetime, timezone: str, language: str, *, now: datetime) -> str:
    """Within a sentence: `hoy, 18:00`."""
    text = moment_in_words(at, timezone, language, now=now)
    is_name = language == "en" and not text.startswith(("Today", "Yesterday"))
    return text if is_name else text[:1].lower() + text[1:]


def _running(name: str, due: datetime, viewer: Viewer, now: datetime) -> Mark:
    if now >= due:
        late = span_in_words(now - due, viewer.language)
        return Mark(name, translate(viewer.language, "venció hace {span}", span=late), "late")
    until = _moment(due, viewer.timezone, viewer.language, now=now)
    left = span_in_words(due - now, viewer.language)
    return Mark(name, translate(viewer.language, "quedan {span} ({until})", span=left, until=until))


def _pause(pause: RequestPause, viewer: Viewer, now: datetime) -> Mark:
    language = viewer.language
    why = translate(language, REASONS[pause.reason])
    began = _moment(pause.started_at, viewer.timezone, language, now=now)
    if pause.ended_at is None:
        by = f", {pause.started_by}" if pause.started_by else ""
        text = translate(language, "{why}, desde {began}{by}", why=why, began=began, by=by)
        return Mark(translate(language, "En pausa"), text, "held")
    ended = _moment(pause.ended_at, viewer.timezone, language, now=now)
    moved = span_in_words(timedelta(seconds=pause.counted_s or 0), language)
    if not pause.counted_s:
        text = translate(language, "{why}: {began} a {ended}, no movió el plazo", why=why, began=began, ended=ended)
        return Mark(translate(language, "Pausa"), text)
    text = translate(language, "{why}: {began} a {ended}, contó {span}", why=why, began=began, ended=ended, span=moved)
    return Mark(translate(language, "Pausa"), text)


def _steps(session: Session, found: ServiceRequest, viewer: Viewer) -> list[Mark]:
    names = {step.code: text_in(step.name, viewer.language) for step in promises.steps_of(session, found)}
    recorded = session.exec(
        select(RequestEscalation.step)
        .where(RequestEscalation.service_request_id == found.id)
        .order_by(col(RequestEscalation.at).desc(), col(RequestEscalation.due_at).desc())
    ).all()
    if not recorded or found.closed_at is not None:
        return []
    told = ", ".join(dict.fromkeys(names.get(step, step) for step in recorded))
    return [Mark(translate(viewer.language, "Avisos"), told)]


def _terms(found: ServiceRequest, viewer: Viewer) -> Mark | None:
    if found.promise is None:
        return None
    language, kept = viewer.language, found.promise["resolution"]
    amount = kept["amount"]
    term = translate(language, UNITS[kept["unit"]], n=f"{amount:g}")
    text = translate(
        language,
        "{term} (promesa, versión {version})",
        term=term,
        version=found.promise["version"],
    )
    return Mark(translate(language, "Prometido"), text)
