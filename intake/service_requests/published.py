"""What everybody may read of a request: written beside the original in the same transaction, and read from there.

A row without `public_text_version` is older than these fields, or was written by a process of the previous release. Its texts are
masked as they are read, until `atiende publish texts` has stored them.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from intake.service_requests.answers import Answer
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.public_text import RULES_VERSION, public_text


def of_submission(description: str, address: str | None, attributes: Mapping[str, Answer]) -> dict[str, Any]:
    """The public columns of a new request; nothing has been said about its status yet."""
    return {
        "public_description": public_text(description),
        "public_address": public_text(address) if address else None,
        "public_status_notes": "",
        "public_attributes": public_answers(attributes),
        "public_text_version": RULES_VERSION,
    }


def public_answers(attributes: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers with what was typed freely masked; keys of options are the catalogue's and stay."""
    return {
        code: public_text(answer) if isinstance(answer, str) else list(answer) for code, answer in attributes.items()
    }


def note_for_all(event_note: str, actor_kind: str) -> str:
    """A remark as everybody reads it. What the program itself says may name the telephone of the town next door."""
    return event_note if actor_kind == "system" else public_text(event_note)


def address_of(service_request: ServiceRequest) -> str | None:
    if service_request.public_text_version is None:
        return public_text(service_request.address_string) if service_request.address_string else None
    return service_request.public_address


def status_notes_of(service_request: ServiceRequest) -> str:
    if service_request.public_status_notes is not None:
        return service_request.public_status_notes
    return _old_notes(service_request.status_notes, str(service_request.version), service_request.outcome_code)


def texts_of_old_row(
    description: str, address: str | None, notes: str, version: str, outcome_code: str | None
) -> tuple[str, str, str]:
    """Description, address and notes for everybody, of a row without stored public texts; the columns as texts."""
    return public_text(description), public_text(address or ""), _old_notes(notes, version, outcome_code)


def _old_notes(notes: str, version: str, outcome_code: str | None) -> str:
    # Nobody has touched it since it was found to be outside: the notes are ours, and say whom to call.
    return notes if version == "1" and outcome_code == "outside_jurisdiction" else public_text(notes)


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
    return public_text(shown) != shown
