"""The step between the details and the contact: photos, if the resident has any and this installation keeps them.

A file is stored while no transaction is open, so this step holds its draft twice, shortly, and not once for the whole call.
"""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response

from channels.app import drafts
from channels.app.drafts import Answers
from channels.app.report import Step, StepDep
from channels.resident.edges import page_of, see_other
from channels.resident.rendering import language_of
from intake.media.receiving import receive
from intake.media.storage import is_configured, shelf
from intake.media.values import Received, SentFile
from kernel import clock, db
from kernel.bodies import Upload, UploadDep
from kernel.i18n import translate

FIELD = "media"

router = APIRouter(prefix="/r/{token}")


@router.get("/fotos")
def ask_photos(step: StepDep) -> Response:
    if not step.answers.details_done:
        return step.go("/detalles")
    if not is_configured():
        return step.go("/contacto")
    return _photos_page(step, {})


@router.post("/fotos")
def answer_photos(http_request: Request, token: str, upload: UploadDep) -> Response:
    with db.transaction() as session:
        if not is_configured():
            return see_other(page_of(http_request, session).url(f"/r/{token}/contacto"))
        draft, answers = drafts.load(session, token, now=clock.now())
        jurisdiction_id = draft.jurisdiction_id
        kept = _kept(answers, upload)
    files = [SentFile(data) for data in upload.files]
    received = receive(jurisdiction_id, files, now=clock.now(), beside=[UUID(one) for one in kept])
    with db.transaction() as session:
        step = Step(http_request, token, page_of(http_request, session), session)
        known = [one for one in step.answers.photos if one in kept or one not in answers.photos]
        photos = list(dict.fromkeys([*known, *map(str, received.ids)]))[: shelf().limits.max_files]
        given = step.answers.changed(photos=photos)
        if not received.problems or step.is_sent:
            return step.keep(given, "/contacto")
        drafts.save(session, step.draft, given)
        step.answers = given
        return _photos_page(step, {FIELD: _told(received, language_of(http_request))})


def _kept(answers: Answers, upload: Upload) -> Sequence[str]:
    """The photos of the draft without those that the resident takes back."""
    removed = set(upload.form.get_all("remove"))
    return [one for one in answers.photos if one not in removed]


def _told(received: Received, language: str) -> str:
    said = " ".join(problem.public_text(language) for problem in received.problems)
    if not received.ids:
        return said
    return f"{said} {translate(language, 'Las demás sí se guardaron.')}"


def _photos_page(step: Step, errors: dict[str, str]) -> Response:
    room = shelf().limits.max_files - len(step.answers.photos)
    limits = shelf().limits
    return step.show(
        "photos.html",
        status_code=400 if errors else 200,
        errors=errors,
        room=room,
        limit_mb=limits.max_file_bytes >> 20,
        total_mb=limits.max_total_bytes >> 20,
        field_name=FIELD,
    )
