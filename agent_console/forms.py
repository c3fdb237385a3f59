"""What forms share: a refusal that loses nothing, and a secret that a second tap makes again."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from agent_console.accounts import Viewer
from kernel.bodies import Form
from kernel.errors import AtiendeError, InvalidInput

_SHORTEST_REF, _LONGEST_REF = 20, 64


@dataclass(frozen=True)
class Problem:
    """Why nothing was changed, and the field at fault. `form`: which of the page's forms, where it has several.

    lines: (number, its text, what is wrong) of a text with mistakes.
    """

    field: str
    text: str
    status: int
    form: str = ""
    lines: Sequence[tuple[int, str, str]] = ()


def problem_of(refusal: AtiendeError, viewer: Viewer, field: str, form: str = "") -> Problem:
    """field: the input at fault where the refusal names none."""
    return Problem(refusal.field or field, refusal.public_text(viewer.language), refusal.status, form)


def new_ref() -> str:
    """Random words of one form, from which `seed` makes its secret."""
    return secrets.token_urlsafe(24)


def seed(session_key: bytes, viewer: Viewer, purpose: str, ref: str) -> bytes:
    """32 bytes of the form's own random words and what only we and this session know: nobody has to keep them to say them twice.

    Raises InvalidInput for a `ref` that no form of ours has.
    """
    if not _SHORTEST_REF <= len(ref) <= _LONGEST_REF:
        raise InvalidInput("Algo de lo que se mandó no se entiende. Vuelve atrás y revísalo.")
    return hmac.digest(session_key, f"{purpose}\0{viewer.token}\0{ref}".encode(), sha256)


def ids_in(form: Form, name: str) -> list[UUID]:
    """The ids that were chosen under a name, in their order; what is no id is nobody's."""
    found = []
    for value in form.get_all(name):
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
