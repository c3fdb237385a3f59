"""A report, one question per page: where, what exactly, how to reach you, check, done. Every step is a plain form."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from channels.app import drafts, places
from channels.app.calling import call_of
from channels.app.drafts import Answers
from channels.app.models import WebDraft
from channels.app.problems import told
from channels.app.rendering import render
from channels.app.sending import agency_of, asked_beside, doubt_of, is_joined, preview, send, sent_request
from channels.resident.edges import PageDep, see_other
from channels.resident.rendering import Page
from georef.names import fold
from intake.catalog import queries as catalog
from intake.catalog.definitions import AttributeDefinition, ServiceDefinition, text_in
from intake.forecasts import queries as forecasts
from intake.incidents import queries as incidents
from intake.incidents.values import Announcement
from intake.media.storage import is_configured
from intake.people.addresses import REGION, read_phone, read_phone_of
from intake.service_requests import queries
from intake.service_requests.answers import read_answers
from kernel.bodies import FormDep
from kernel.errors import InvalidInput
from kernel.folio import spoken
from kernel.i18n import translate
from kernel.sessions import SessionDep
from routing.explain import explain

MIN_WORDS = 5
# The longest of each answer, in letters. What is longer comes back with a word about it: cutting it could lose what matters.
MOST = {"district": 200, "colonia": 200, "street": 200, "reference": 400, "words": 1500, "phone": 30, "name": 100}
# Who changes one answer at the end is not asked the others again.
_QUESTIONS = ("/detalles", "/fotos", "/contacto")
_AFTERWARDS = ("done.html", "joined.html")

router = APIRouter(prefix="/r/{token}")


class Step:
    """One request for one step: the page, the draft and its answers."""

    def __init__(self, http_request: Request, token: str, page: PageDep, session: SessionDep) -> None:
        self.page, self.session, self.token = page, session, token
        # A form that was posted twice waits for the first one.
        posted = http_request.method == "POST"
        self.draft: WebDraft
        self.answers: Answers
        self.draft, self.answers = drafts.load(session, token, now=page.now, for_update=posted)
        known = catalog.catalog(session, self.draft.jurisdiction_id)
        code = self.answers.service_code
        found = known.by_code.get(code) or known.retired.get(code)
        if found is None:
            raise catalog.unknown_service(code)
        self.service: ServiceDefinition = found
        # Retired since it was chosen: what was sent is still shown, and what was not goes on once another one is chosen.
        self.needs_service = code not in known.by_code and not self.is_sent

    @property
    def here(self) -> str:
        return f"/r/{self.token}"

    def text(self, msgid: str, **params: object) -> str:
        return translate(self.page.language, msgid, **params)

    def show(
        self,
        template: str,
        *,
        status_code: int = 200,
        answers: Answers | None = None,
        errors: dict[str, str] | None = None,
        **values: object,
    ) -> Response:
        if self.is_sent and template not in _AFTERWARDS:
            # Somebody went back: there is nothing left to change, and a form would promise that there is.
            return self.go("/listo")
        if self.needs_service and not errors:
            return self.go("/que")
        answers, errors = answers or self.answers, errors or {}
        return render(
            self.page,
            template,
            status_code=status_code,
            here=self.here,
            service=self.service,
            keeps_photos=is_configured(),
            answers=answers,
            errors=errors,
            errors_title=self._title(answers, list(errors)),
            **values,
        )

    def _title(self, answers: Answers, names: list[str]) -> str:
        """Of the box above the page: what is missing is missing, what was typed is to be looked at again."""
        if any(_is_given(answers, name) for name in names):
            return (
                self.text("Revisa un dato") if len(names) == 1 else self.text("Revisa {count} datos", count=len(names))
            )
        return self.text("Falta un dato") if len(names) == 1 else self.text("Faltan {count} datos", count=len(names))

    def too_long(self, given: Answers) -> dict[str, str]:
        """What to say beside each answer that does not fit."""
        sizes = {name: len(getattr(given, name)) for name in MOST}
        return {
            name: self.text("Caben {limit} letras y escribiste {count}: hazlo más corto", limit=MOST[name], count=size)
            for name, size in sizes.items()
            if size > MOST[name]
        }

    def keep(self, answers: Answers, then: str) -> Response:
        """Saves the answers and goes on: back to the check when all is answered. What is already sent goes to its folio."""
        if self.is_sent:
            return self.go("/listo")
        drafts.save(self.session, self.draft, answers)
        return self.go("/revisa" if then in _QUESTIONS and is_complete(answers) else then)

    @property
    def is_sent(self) -> bool:
        return self.draft.service_request_id is not None

    def go(self, then: str) -> Response:
        """To another step: to the choice of a service while the report has none that is still offered."""
        return see_other(self.page.url(self.here + ("/que" if self.needs_service else then)))


StepDep = Annotated[Step, Depends()]


def _is_given(answers: Answers, name: str) -> bool:
    if name.startswith("a_"):
        return any(value.strip() for value in answers.attributes.get(name.removeprefix("a_"), ()))
    return bool(getattr(answers, name, ""))


def _line(form: FormDep, name: str) -> str:
    return form.get(name).replace("\r\n", "\n").strip()


# ── Where ──


@router.get("/lugar")
def ask_place(step: StepDep) -> Response:
    return _place_page(step, step.answers, {})


@router.post("/lugar")
def answer_place(step: StepDep, form: FormDep) -> Response:
    given = step.answers.changed(
        district=_line(form, "district"),
        colonia=_line(form, "colonia"),
        street=_line(form, "street"),
        reference=_line(form, "reference"),
    )
    errors = step.too_long(given)
    if not given.district:
        errors["district"] = step.text("Elige la alcaldía, o «No sé»")
    if not given.street and not given.reference:
        errors["street"] = step.text("Escribe la calle o un lugar conocido cercano")
    if errors:
        return _place_page(step, given, errors)
    answers = places.placed(step.session, step.draft.jurisdiction_id, given, now=step.page.now)
    return step.keep(answers, "/detalles" if answers.place_done else "/cual")


def _place_page(step: Step, answers: Answers, errors: dict[str, str]) -> Response:
    return step.show(
        "place.html",
        status_code=400 if errors else 200,
        answers=answers,
        errors=errors,
        districts=places.districts(step.session, step.draft.jurisdiction_id),
    )


@router.get("/cual")
def ask_which(step: StepDep) -> Response:
    if not step.answers.candidates:
        return step.go("/lugar")
    return _which_page(step, {})


@router.post("/cual")
def answer_which(step: StepDep, form: FormDep) -> Response:
    which = form.get("which")
    if which == "none":
        return step.keep(step.answers.changed(candidates=[], place_done=True), "/detalles")
    numbers = [str(number) for number in range(len(step.answers.candidates))]
    if which not in numbers:
        return _which_page(step, {"which": step.text("Elige uno de la lista")})
    return step.keep(places.chosen(step.answers, step.answers.candidates[numbers.index(which)]), "/detalles")


def _which_page(step: Step, errors: dict[str, str]) -> Response:
    options = [(str(number), place["label"], "") for number, place in enumerate(step.answers.candidates)]
    options.append(("none", step.text("Ninguno de estos"), step.text("Se queda como lo escribiste.")))
    return step.show("which.html", status_code=400 if errors else 200, errors=errors, options=options)


# ── What exactly ──


@router.get("/detalles")
def ask_details(step: StepDep) -> Response:
    if not step.answers.place_done:
        return step.go("/lugar")
    return _details_page(step, step.answers, {})


@router.post("/detalles")
def answer_details(step: StepDep, form: FormDep) -> Response:
    asked = [question for question in step.service.attributes if question.is_variable]
    given = step.answers.changed(
        words=_line(form, "words"),
        attributes={question.code: form.get_all(f"a_{question.code}") for question in asked},
        details_done=True,
    )
    errors = step.too_long(given)
    if len(given.words) < MIN_WORDS:
        errors["words"] = step.text("Cuéntanos un poco más (mínimo {count} letras)", count=MIN_WORDS)
    _, problems = read_answers(step.service, given.attributes)
    for question in {problem.definition.code: problem.definition for problem in problems}.values():
        errors[f"a_{question.code}"] = told(question, given.attributes[question.code], step.page.language)
    if errors:
        return _details_page(step, given, errors)
    return step.keep(given, "/fotos" if is_configured() else "/contacto")


def _details_page(step: Step, answers: Answers, errors: dict[str, str]) -> Response:
    options = {
        question.code: [(option.key, text_in(option.name, step.page.language), "") for option in question.options]
        for question in step.service.attributes
    }
    return step.show(
        "details.html",
        status_code=400 if errors else 200,
        answers=answers,
        errors=errors,
        question_options=options,
        conditions={question.code: _condition(step, question) for question in step.service.attributes},
    )


def _condition(step: Step, question: AttributeDefinition) -> str:
    """When a question is to be answered, in words, for a page that shows them all at once; "" for: always."""
    by_code = {other.code: other for other in step.service.attributes}
    told = []
    for code, accepted in question.only_if.items():
        names = [text_in(option.name, step.page.language) for option in by_code[code].options if option.key in accepted]
        told.append(", ".join(names))
    return step.text("solo si: {answers}", answers="; ".join(told)) if told else ""


# ── How to reach you ──


@router.get("/contacto")
def ask_contact(step: StepDep) -> Response:
    if not step.answers.details_done:
        return step.go("/detalles")
    return step.show("contact.html")


@router.post("/contacto")
def answer_contact(step: StepDep, form: FormDep) -> Response:
    given = step.answers.changed(notify=_line(form, "notify"), phone=_line(form, "phone"), name=_line(form, "name"))
    errors = step.too_long(given)
    if given.notify not in ("sms", "none"):
        errors["notify"] = step.text("Elige cómo avisarte")
    if given.notify == "sms" and "phone" not in errors:
        try:
            read_phone_of(given.phone, step.page.city.settings.get("phone_regions") or [REGION])
        except InvalidInput as problem:
            errors["phone"] = problem.public_text(step.page.language)
    if errors:
        return step.show("contact.html", status_code=400, answers=given, errors=errors)
    if given.notify == "none":
        given = given.changed(phone="")
    if form.get("website"):
        # A field that people never see: whoever fills it is a program, and its draft is never complete.
        given = given.changed(notify="", phone="")
    return step.keep(given, "/parecidos")


# ── Check and send ──


@router.get("/revisa")
def check(step: StepDep) -> Response:
    return _check_page(step, {})


@router.post("/revisa")
def send_report(step: StepDep) -> Response:
    if not step.is_sent:
        if step.needs_service or not is_complete(step.answers):
            return step.go("/contacto")
        send(step.session, step.draft, step.answers, language=step.page.language, now=step.page.now)
    return step.go("/listo")


def is_complete(answers: Answers) -> bool:
    return bool(answers.place_done and answers.details_done and answers.notify)


def compared_with(answers: Answers) -> str:
    """What likely duplicates were looked for: another place or another kind is asked about anew."""
    return f"{answers.service_code} {answers.lon} {answers.lat}"


def _check_page(step: Step, errors: dict[str, str]) -> Response:
    answers, here = step.answers, step.here
    if step.is_sent:
        return step.go("/listo")
    if not is_complete(answers):
        return step.go("/contacto")
    if answers.compared != compared_with(answers):
        return step.go("/parecidos")
    if answers.beside != asked_beside(answers):
        return step.go("/lado")
    decision = preview(step.session, step.service, answers, now=step.page.now)
    rows: list[tuple[str, str, str]] = [
        (step.text("Qué pasa"), text_in(step.service.name, step.page.language), f"{here}/que"),
        (step.text("Dónde"), _where(answers), f"{here}/lugar"),
    ]
    if answers.place_label and fold(answers.place_label) not in fold(_where(answers)):
        rows.append((step.text("En el mapa"), answers.place_label, f"{here}/lugar"))
    rows.append((step.text("Lo que contaste"), answers.words, f"{here}/detalles"))
    rows += [(label, value, f"{here}/detalles") for label, value in _answered(step)]
    rows += [(label, value, f"{here}/lado") for label, value in _side(step)]
    if is_configured():
        rows.append((step.text("Fotos"), str(len(answers.photos) or step.text("Ninguna")), f"{here}/fotos"))
    told = step.text("SMS al {phone}", phone=masked(answers.phone)) if answers.phone else step.text("No")
    rows.append((step.text("Avisarte"), told, f"{here}/contacto"))
    return step.show(
        "check.html",
        announced=_announced(step, answers)[:1],
        errors=errors,
        rows=rows,
        decision=decision,
        forecast=forecasts.told(step.session, step.page.city, step.service.code, decision.areas),
        explanation=explain(decision.receipt, step.page.language),
        call=call_of(decision.receipt) if decision.outcome == "outside" else None,
    )


def _announced(step: Step, answers: Answers) -> list[Announcement]:
    """What this report will be part of."""
    if answers.point is None:
        return []
    code, city = step.service.code, step.page.city.id
    return incidents.open_for(step.session, city, service_code=code, lonlat=answers.point, now=step.page.now)


def _where(answers: Answers) -> str:
    """The place as it was written, in full where what was found begins the same way."""
    if answers.written_place and fold(answers.place_label).startswith(fold(answers.written_place)):
        return f"{answers.place_label} ({answers.reference})" if answers.reference else answers.place_label
    return answers.address or answers.place_label


def _side(step: Step) -> list[tuple[str, str]]:
    """What was asked about a border, and what they said."""
    doubt = doubt_of(step.session, step.service, step.answers, now=step.page.now)
    if doubt is None:
        return []
    said = [reply["name"] for reply in doubt["replies"] if reply["settled"] == step.answers.settled]
    language = step.page.language
    return [(text_in(doubt["question"], language), text_in(said[0], language) if said else step.text("No sé"))]


def _answered(step: Step) -> list[tuple[str, str]]:
    rows = []
    for question in step.service.attributes:
        given: Sequence[str] = [value for value in step.answers.attributes.get(question.code, []) if value.strip()]
        if given:
            names = {option.key: text_in(option.name, step.page.language) for option in question.options}
            label = text_in(question.description, step.page.language)
            rows.append((label, ", ".join(names.get(value, value) for value in given)))
    return rows


def masked(phone: str) -> str:
    """`55 •••• 5678`: enough for its owner to know it, too little for anybody else."""
    digits = read_phone(phone).key or ""
    return f"{digits[-10:-8]}\u00a0••••\u00a0{digits[-4:]}"


@router.get("/listo")
def done(step: StepDep) -> Response:
    service_request = sent_request(step.session, step.draft)
    if service_request is None:
        return step.go("/revisa")
    if is_joined(step.draft, service_request):
        return step.show(
            "joined.html",
            request=service_request,
            said=spoken(service_request.folio) if step.page.language == "es" else "",
            phone=masked(step.answers.phone) if step.answers.phone else "",
            agency_name=agency_of(step.session, service_request),
        )
    decision = queries.decision_of(step.session, service_request.id)
    return step.show(
        "done.html",
        request=service_request,
        said=spoken(service_request.folio) if step.page.language == "es" else "",
        phone=masked(step.answers.phone) if step.answers.phone else "",
        agency_name=agency_of(step.session, service_request),
        forecast=forecasts.told(step.session, step.page.city, step.service.code, service_request.areas),
        call=call_of(decision.receipt) if decision and service_request.outcome_code == "outside_jurisdiction" else None,
    )


__all__ = ["Page", "router"]
