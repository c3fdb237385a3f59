"""The texts of a request side by side: what was written, what is hidden of it, what everybody reads."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlmodel import Session

from intake.service_requests import queries
from intake.service_requests.masking.marks import SURE, Mark, merged, without
from intake.service_requests.masking.mask import mask
from intake.service_requests.models import ServiceRequest
from intake.service_requests.own_names import own_names
from intake.service_requests.place_names import places_of
from intake.service_requests.published import address_of, note_of
from intake.service_requests.reviewing import ADDRESS, DESCRIPTION, NOTE
from kernel.i18n import translate

KINDS = {
    "name": "nombre",
    "phone": "teléfono",
    "email": "correo",
    "url": "dirección web",
    "plate": "placa",
    "id": "identificación",
    "card": "tarjeta o cuenta",
}
REASONS = {
    "kin": "sigue a una palabra como «vecino»",
    "title": "sigue a un título como «Sr.»",
    "phrase": "sigue a palabras como «se llama»",
    "given name": "empieza con un nombre conocido",
    "given name alone": "es un nombre conocido, sin apellido",
    "given name and surname": "es nombre y apellido conocidos",
    "could be words": "también podrían ser palabras comunes",
    "near a vehicle": "está cerca de un vehículo",
    "written": "tiene forma de placa",
    "said": "el texto dice qué es",
    "signed": "son dos palabras con mayúscula donde se dice quién es",
    "own": "es de quien lo reportó",
    "spelt": "está escrito como se dice",
    "no end": "parece un correo sin terminar",
    "check digit": "su dígito verificador es correcto",
}


@dataclass(frozen=True)
class Choice:
    """One stretch that the rules hide, and why, in the reader's language."""

    number: int
    words: str
    kind: str
    why: str
    is_sure: bool


@dataclass(frozen=True)
class Text:
    """One text. `pieces`: the original in order, and whether the rules hide each piece. `public` is what everybody reads now."""

    field: str
    title: str
    original: str
    public: str
    pieces: tuple[tuple[str, bool], ...]
    choices: tuple[Choice, ...]
    marks: tuple[Mark, ...]


def texts_of(session: Session, found: ServiceRequest, language: str) -> list[Text]:
    """The texts with something hidden or doubtful, the description always, in the order in which people read them."""
    places, names = places_of(session, found.jurisdiction_id), own_names(session, [found.id]).get(found.id, ())
    written: list[tuple[str, str, str, str]] = [
        (DESCRIPTION, translate(language, "Descripción"), found.description, _stored(found.public_description)),
        (ADDRESS, translate(language, "Dirección"), found.address_string or "", address_of(found) or ""),
    ]
    written += [
        (f"{NOTE}{event.id}", translate(language, "Nota de {who}", who=event.actor_name), event.note, note_of(event))
        for event in queries.events_of(session, found.id, ("public",))
        if event.note and event.actor_kind != "system"
    ]
    texts = []
    for field, title, original, public in written:
        marks = mask(original, places, names=names, is_address=field == ADDRESS).marks
        if marks or original != public or field == DESCRIPTION:
            shown = public if public or not original else without(original, marks)
            texts.append(
                Text(
                    field, title, original, shown, _pieces(original, marks), _choices(original, marks, language), marks
                )
            )
    return texts


def _stored(text: str | None) -> str:
    return text or ""


def composed(text: Text, shown: Collection[int], also: str) -> str:
    """The original without the marks that are not among `shown`, and without the words in `also`, parted by commas."""
    kept = [mark for number, mark in enumerate(text.marks) if number not in shown]
    return without(text.original, merged([*kept, *_wherever(text.original, also)]))


def _wherever(original: str, also: str) -> Iterable[Mark]:
    for words in also.split(","):
        if words.strip():
            for found in re.finditer(re.escape(words.strip()), original, re.IGNORECASE):
                yield Mark(*found.span(), "name")


def _pieces(original: str, marks: Iterable[Mark]) -> tuple[tuple[str, bool], ...]:
    pieces, at = [], 0
    for mark in marks:
        pieces += [(original[at : mark.start], False), (original[mark.start : mark.end], True)]
        at = mark.end
    return tuple(piece for piece in (*pieces, (original[at:], False)) if piece[0])


def _choices(original: str, marks: Iterable[Mark], language: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            number,
            original[mark.start : mark.end],
            translate(language, KINDS[mark.kind]),
            translate(language, REASONS[mark.why]) if mark.why in REASONS else "",
            mark.score >= SURE,
        )
        for number, mark in enumerate(marks)
    )
