"""The step near a border of two agencies: the one question whose reply says who answers. "I don't know" is a reply too."""

from typing import Any

from fastapi import APIRouter, Response

from channels.app.report import Step, StepDep, is_complete
from channels.app.sending import asked_beside, doubt_of
from intake.catalog.definitions import text_in
from kernel.bodies import FormDep

UNKNOWN = "none"

router = APIRouter(prefix="/r/{token}")


@router.get("/lado")
def ask_side(step: StepDep) -> Response:
    if step.is_sent:
        return step.go("/listo")
    if step.needs_service or not is_complete(step.answers):
        return step.go("/contacto")
    doubt = _doubt(step)
    if doubt is None:
        return _keep(step, {})
    return _page(step, doubt, {})


@router.post("/lado")
def answer_side(step: StepDep, form: FormDep) -> Response:
    if step.is_sent or step.needs_service or not is_complete(step.answers):
        return step.keep(step.answers, "/revisa")
    doubt = _doubt(step)
    side = form.get("side")
    if doubt is None or side == UNKNOWN:
        return _keep(step, {})
    # The sides come back by name and not by number: a border may be moved while somebody reads.
    reply = next((one for one in doubt["replies"] if _value(one) == side), None)
    if reply is None:
        return _page(step, doubt, {"side": step.text("Elige uno, o «No sé»")})
    return _keep(step, reply["settled"])


def _keep(step: Step, settled: dict[str, str]) -> Response:
    return step.keep(step.answers.changed(settled=settled, beside=asked_beside(step.answers)), "/revisa")


def _doubt(step: Step) -> dict[str, Any] | None:
    return doubt_of(step.session, step.service, step.answers, now=step.page.now)


def _value(reply: dict[str, Any]) -> str:
    return ",".join(f"{layer}={code}" for layer, code in sorted(reply["settled"].items()))


def _page(step: Step, doubt: dict[str, Any], errors: dict[str, str]) -> Response:
    language, kept = step.page.language, step.answers.settled
    options = [
        (
            _value(reply),
            text_in(reply["name"], language),
            step.text("Lo atiende {agency}", agency=reply["agency"]["name"])
            if reply["agency"]
            else step.text("Te decimos a quién llamar."),
        )
        for reply in doubt["replies"]
    ]
    options.append((UNKNOWN, step.text("No sé"), step.text("No pasa nada: lo decide el lugar en el mapa.")))
    chosen = [_value({"settled": kept})] if kept else []
    return step.show(
        "side.html",
        status_code=400 if errors else 200,
        errors=errors,
        question=text_in(doubt["question"], language),
        options=options,
        chosen=chosen,
    )
