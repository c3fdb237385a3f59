"""What everybody may read of a request: written beside the original in the same transaction, and read from there.

A row without `public_text_version` is older than these fields, or was written by a process of the previous release. Its texts are
masked as they are read, until `atiende publish texts` has stored them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from intake.service_requests.answers import Answer
from intake.service_requests.masking import contacts
from intake.service_requests.masking.marks import SURE, Masked
from intake.service_requests.masking.mask import mask, no_places
from intake.service_requests.masking.people import Places
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.public_text import RULES_VERSION, public_text


@dataclass(frozen=True, slots=True)
class PublicTexts:
    """Public columns of a request, and what a person should look at: one object for each doubtful stretch of an original."""

    columns: dict[str, Any]
    doubts: list[dict[str, Any]] = field(default_factory=list)


def of_submission(
    description: str,
    address: str | None,
    attributes: Mapping[str, Answer],
    places: Places = no_places,
    names: Collection[str] = (),
) -> PublicTexts:
    """What is stored with a new request; nothing has been said about its status yet. names: of whoever reported it."""
    said = mask(description, places, names=names)
    where = mask(address or "", places, names=names, is_address=True)
    columns = {
        "public_description": said.text,
        "public_address": where.text if address else None,
        "public_status_notes": "",
        "public_attributes": public_answers(attributes, places, names),
        "public_text_version": RULES_VERSION,
    }
    return PublicTexts(columns, [*doubts_of("description", said), *doubts_of("address", where)])


def public_answers(
    attributes: Mapping[str, Answer], places: Places = no_places, names: Collection[str] = ()
) -> dict[str, Answer]:
    """The answers with what was typed freely masked; keys of options are the catalogue's and stay."""
    return {
        code: mask(answer, places, names=names).text if isinstance(answer, str) else list(answer)
        for code, answer in attributes.items()
    }


def doubts_of(name: str, masked: Masked) -> list[dict[str, Any]]:
    """What a person should look at in the text `name`: what the rules are unsure of, and every name."""
    return [
        {"field": name, "start": mark.start, "end": mark.end, "kind": mark.kind, "score": mark.score, "why": mark.why}
        for mark in masked.marks
        if mark.score < SURE or mark.kind == "name"
    ]


def note_for_all(note: str, actor_kind: str) -> str:
    """As `masked_note`, for a row without a stored public text."""
    return masked_note(note, actor_kind).text


def masked_note(note: str, actor_kind: str, places: Places = no_places, names: Collection[str] = ()) -> Masked:
    """A remark as everybody reads it. What the program itself says may name the telephone of the town next door."""
    return Masked(note) if actor_kind == "system" else mask(note, places, names=names)


def address_of(service_request: ServiceRequest) -> str | None:
    if service_request.public_text_version is None:
        given = service_request.address_string
        return mask(given, is_address=True).text if given else None
    return service_request.public_address


def status_notes_of(service_request: ServiceRequest) -> str:
    if service_request.public_status_notes is not None:
        return service_request.public_status_notes
    return old_notes(service_request.status_notes, service_request.version, service_request.outcome_code)


def texts_of_old_row(
    description: str, address: str | None, notes: str, version: str, outcome_code: str | None
) -> tuple[str, str, str]:
    """Description, address and notes for everybody, of a row without stored public texts; the columns as texts."""
    return (
        public_text(description),
        mask(address or "", is_address=True).text,
        old_notes(notes, int(version), outcome_code),
    )


def old_notes(notes: str, version: int, outcome_code: str | None) -> str:
    """Status notes for everybody, of a row without stored public texts."""
    # Nobody has touched it since it was found to be outside: the notes are ours, and say whom to call.
    return notes if version == 1 and outcome_code == "outside_jurisdiction" else public_text(notes)


def note_of(event: ServiceRequestEvent) -> str:
    """The note of a public event."""
    return event.public_note if event.public_note is not None else note_for_all(event.note, event.actor_kind)


def public_code(code: str | None) -> str | None:
    """A postal code or the id of an address, or None for anything that is no such thing: people type what they like into them."""
    if not code:
        return None
    is_code = len(code) <= 64 and " " not in code.strip() and any(letter.isdigit() for letter in code)
    return code if is_code and "@" not in code and public_text(code) == code else None


def public_url(url: str | None) -> str | None:
    """The address of a picture without its query when that says how to reach somebody, or None when the rest still does."""
    if not url or not _tells(url):
        return url
    bare = url.partition("?")[0].partition("#")[0]
    return None if _tells(bare) else bare


def _tells(url: str) -> bool:
    shown = unquote_plus(url) if "%" in url or "+" in url else url
    return next(iter(contacts.marks(shown)), None) is not None
