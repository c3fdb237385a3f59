"""Another kind of report for what is already written: place, words, photos and contact stay, the other questions are asked."""

from fastapi import APIRouter, Response

from channels.app.report import StepDep
from channels.app.start import MAX_WORDS, what_page
from intake.catalog import queries as catalog
from kernel.bodies import FormDep

router = APIRouter(prefix="/r/{token}")


@router.get("/que")
def ask_what(step: StepDep, q: str = "") -> Response:
    return what_page(step.page, step.session, q, here=f"{step.here}/que", back=f"{step.here}/revisa")


@router.post("/que")
def change_what(step: StepDep, form: FormDep) -> Response:
    service = catalog.service(step.session, step.draft.jurisdiction_id, form.get("service_code"))
    if service.code == step.answers.service_code:
        return step.keep(step.answers, "/revisa")
    words = step.answers.words or form.get("q").strip()[:MAX_WORDS]
    given = step.answers.changed(service_code=service.code, words=words, attributes={}, details_done=False)
    return step.keep(given, "/detalles")
