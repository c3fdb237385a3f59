"""Another kind of report for what is already written: place, words, photos and contact stay, the other questions are asked."""

from fastapi import APIRouter, Response

from channels.app.drafts import Answers
from channels.app.report import Step, StepDep
from channels.app.start import MAX_WORDS, what_page
from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition, text_in
from kernel.bodies import FormDep

router = APIRouter(prefix="/r/{token}")


@router.get("/que")
def ask_what(step: StepDep, q: str = "") -> Response:
    if step.is_sent:
        return step.go("/listo")
    return _what_page(step, q, retired=step.service if step.needs_service else None)


@router.post("/que")
def change_what(step: StepDep, form: FormDep) -> Response:
    known = catalog.catalog(step.session, step.draft.jurisdiction_id)
    code, q = form.get("service_code"), form.get("q")
    service = known.by_code.get(code)
    if service is None and code in known.retired:
        return _what_page(step, q, retired=known.retired[code])
    if service is None:
        raise catalog.unknown_service(code)
    if service.code == step.answers.service_code:
        return step.keep(step.answers, "/revisa")
    words = step.answers.words or q.strip()[:MAX_WORDS]
    given = step.answers.changed(service_code=service.code, words=words, attributes={}, details_done=False)
    if step.needs_service:
        given = _nothing_lost(step, given, service)
        step.needs_service = False
    return step.keep(given, "/detalles")


def _what_page(step: Step, q: str, *, retired: ServiceDefinition | None) -> Response:
    """retired: the kind that was chosen and is no longer offered; without other words theirs say what may come closest."""
    words = q or (step.answers.words if retired else "")
    back = "" if step.needs_service else f"{step.here}/revisa"
    return what_page(step.page, step.session, words, here=f"{step.here}/que", back=back, retired=retired)


def _nothing_lost(step: Step, given: Answers, service: ServiceDefinition) -> Answers:
    """Answers to questions that the other service asks too stay answers; the rest goes into the words."""
    codes = {question.code for question in service.attributes if question.is_variable}
    kept, told = {}, [given.words]
    for question in step.service.attributes:
        answered = [value for value in step.answers.attributes.get(question.code, []) if value.strip()]
        names = {option.key: text_in(option.name, step.page.language) for option in question.options}
        if answered and question.code in codes:
            kept[question.code] = answered
        elif answered:
            label = text_in(question.description, step.page.language)
            told.append(f"{label}: {', '.join(names.get(value, value) for value in answered)}")
    return given.changed(attributes=kept, words="\n".join(line for line in told if line))
