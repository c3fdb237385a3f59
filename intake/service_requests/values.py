"""What goes into a service request and comes out of questions about it. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from georef.points import LonLat
from kernel.errors import InvalidInput

ActorKind = Literal["resident", "agent", "agency", "system", "api"]
Audience = Literal["public", "reporter", "agency", "internal"]

MAX_DESCRIPTION = 4000


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who said it, and whether they want to be told what happens. `name`: what they are called, if the caller knows."""

    person_id: UUID
    contact_point_id: UUID
    wants_notices: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something. `name` is shown to colleagues; the public sees only the kind."""

    kind: ActorKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A report about to become a request.

    `attributes` maps an attribute code to the raw answers as sent. `precision_m`: how far the point may be off. Two submissions
    with the same `idempotency_key` in one city are one request. `requested_at`: when it was said, if earlier than now.
    `is_place_settled`: the person was shown the places the words may mean, so that no point means none of them. `settled`: which
    side of a border the place is on, as the person replied (`routing.receipts.Question`).
    """

    jurisdiction_id: str
    service_code: str
    channel: str
    description: str = ""
    point: LonLat | None = None
    precision_m: float | None = None
    address_string: str | None = None
    address_id: str | None = None
    zipcode: str | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    media_urls: Sequence[str] = ()
    reporter: Reporter | None = None
    conversation_id: UUID | None = None
    idempotency_key: str | None = None
    language: str = "es"
    requested_at: datetime | None = None
    is_place_settled: bool = False
    settled: Mapping[str, str] = field(default_factory=dict)


class InvalidForm(InvalidInput):
    """Everything that is wrong with a form, in the form's order; `errors` holds one error for each fault, never none."""

    def __init__(self, errors: Sequence[InvalidInput]) -> None:
        super().__init__(errors[0].text, field=errors[0].field, **errors[0].params)
        self.errors = list(errors)

    def public_text(self, language: str = "es") -> str:
        return " ".join(error.public_text(language) for error in self.errors)
