"""The step before sending: is it one of these, which are there already? Up to three, each a plain form with two buttons."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Response

from channels.app.places import VAGUE_M
from channels.app.report import Step, StepDep, compared_with, is_complete
from channels.app.sending import join
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.service_requests import lifecycle
from intake.service_requests.duplicates import deciding, wording
from intake.service_requests.duplicates.joining import Moved
from intake.service_requests.duplicates.lookup import Found, assets_of, offered
from intake.service_requests.duplicates.scoring import Sighting
from intake.service_requests.public_text import public_text
from kernel.bodies import FormDep
from kernel.errors import NotFound

MOST = 3
NONE = "none"

router = APIRouter(prefix="/r/{token}")


@dataclass(frozen=True)
class Card:
    """One request that may be the same. `value`: its folio and whether it was shown as closed, as the form sends it back."""

    value: str
    what: str
    where: str
    words: str
    photo_id: UUID | None
    metres: str
    age: str
    people: int
    reason: str
    closed: str


@router.get("/parecidos")
def ask_same(step: StepDep) -> Response:
    if step.is_sent:
        return step.go("/listo")
    if step.needs_service or not is_complete(step.answers):
        return step.go("/contacto")
    found = _found(step)
    if not found:
        return step.keep(step.answers.changed(compared=compared_with(step.answers)), "/revisa")
    return _page(step, found, {})


@router.post("/parecidos")
def answer_same(step: StepDep, form: FormDep) -> Response:
    if step.is_sent or step.needs_service or not is_complete(step.answers):
        return step.keep(step.answers, "/revisa")
    found = _found(step)
    if form.get("same"):
        return _same(step, found, form.get("same"))
    other = form.get("other")
    ruled_out = [one for one in found if other in (NONE, one.folio)]
    if not ruled_out and found:
        return _page(step, found, {"same": step.text("Elige si es el mismo o es otro")})
    shown = {one.candidate_id: one for one in deciding.as_shown(found)}
    kept = [*step.answers.ruled_out, *(shown[one.id].to_json() for one in ruled_out)]
    # Those that are left are asked about next; when none is, there is nothing more to ask.
    return step.keep(step.answers.changed(ruled_out=kept), "/parecidos")


def _same(step: Step, found: list[Found], value: str) -> Response:
    folio, _, as_shown = value.partition("-")
    chosen = next((one for one in found if one.folio == folio), None)
    if chosen is None:
        gone = step.text("Ese reporte ya no se puede ver. Dinos si es otro, o sigue con el tuyo.")
        return _page(step, found, {"same": gone}) if found else step.keep(step.answers, "/parecidos")
    if (as_shown == "closed") != (chosen.life == lifecycle.CLOSED):
        return _page(step, found, {"same": _moved(step, chosen)})
    shown = next(one for one in deciding.as_shown(found) if one.candidate_id == chosen.id)
    try:
        with step.session.begin_nested():
            join(step.session, step.draft, step.answers, shown, as_closed=as_shown == "closed", now=step.page.now)
    except (Moved, NotFound):
        fresh = _found(step)
        again = next((one for one in fresh if one.folio == folio), None)
        told = _moved(step, again) if again else step.text("Ese reporte ya no se puede ver. Sigue con el tuyo.")
        return _page(step, fresh, {"same": told}) if fresh else step.keep(step.answers, "/parecidos")
    return step.go("/listo")


def _moved(step: Step, one: Found) -> str:
    if one.life == lifecycle.CLOSED:
        return step.text("Ese reporte se cerró mientras lo veías. Si el problema sigue, dilo abajo y lo reabrimos.")
    return step.text("Ese reporte se reabrió mientras lo veías. Dinos otra vez si es el mismo.")


def _found(step: Step) -> list[Found]:
    """What may be the same and was not ruled out yet."""
    answers = step.answers
    if answers.point is None:
        return []
    ruled_out = {one["id"] for one in answers.ruled_out}
    told = Sighting(
        service_code=step.service.code,
        group_code=step.service.group_code,
        point=answers.point,
        at=step.page.now,
        precision_m=answers.precision_m,
        words=public_text(answers.words),
        address=answers.address,
        assets=assets_of(step.service, answers.attributes),
    )
    found = offered(step.session, step.service, told, now=step.page.now)
    return [one for one in found if str(one.id) not in ruled_out][:MOST]


def _page(step: Step, found: list[Found], errors: dict[str, str]) -> Response:
    services = catalog.catalog(step.session, step.draft.jurisdiction_id)
    names = {code: one.name for code, one in (services.retired | services.by_code).items()}
    language = step.page.language
    cards = []
    for one in found:
        facts = one.likeness.facts
        closed = ""
        if one.life == lifecycle.CLOSED:
            when = wording.ago(facts["closed_hours"] or 0, language)
            closed = f"{step.text(lifecycle.OUTCOMES[one.outcome_code or 'resolved'])}, {when}"
        cards.append(
            Card(
                value=f"{one.folio}-{'closed' if closed else 'open'}",
                what=text_in(names.get(one.service_code, {}), language) or one.service_code,
                where=one.address,
                words=one.words,
                photo_id=one.photo_id,
                metres=_how_far(step, facts["metres"]),
                age=wording.ago(facts["hours"], language),
                people=one.report_count,
                reason=wording.plain_reason(facts, language),
                closed=closed,
            )
        )
    return step.show("alike.html", status_code=409 if errors else 200, errors=errors, cards=cards)


def _how_far(step: Step, metres: float) -> str:
    """Metres mean nothing between a place that is known and one that is only known to be along a street."""
    if (step.answers.precision_m or 0.0) >= VAGUE_M:
        return step.text("en la misma zona")
    return step.text("a {n} m", n=metres) if metres >= 1 else step.text("en el mismo lugar")
