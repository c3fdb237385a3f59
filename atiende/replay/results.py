"""What became of replayed rows, read from the installation's database: the truth, not what the answers said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from atiende.replay.posts import Posted, name_of, prefix_of
from atiende.replay.rows import plain
from intake.service_requests.models import ServiceRequest

_OUTSIDE = "outside_jurisdiction"


@dataclass(frozen=True)
class Results:
    """`landed` of `in_city`: rows with an alcaldía on record whose point is in the city, and that got that alcaldía.

    `missing`: accepted, yet not in the database. `doubled`: in it more than once. `outside`: kept though out of the city, of
    which `outside_told` were told so in the answer. `elsewhere`: (row, on record, found) of those that did not land.
    """

    rows: int
    accepted: int
    refused: int
    already_there: int
    in_city: int
    landed: int
    outside: int
    outside_told: int
    missing: int
    doubled: int
    elsewhere: Sequence[tuple[str, str, str]]

    @property
    def landed_share(self) -> float:
        return self.landed / self.in_city if self.in_city else 0.0


def stored(session: Session, jurisdiction_id: str, layout: str) -> dict[str, list[ServiceRequest]]:
    """Requests of this kind of file, by the name their row was posted under."""
    prefix = prefix_of(layout)
    rows = session.exec(
        select(ServiceRequest).where(
            ServiceRequest.jurisdiction_id == jurisdiction_id,
            col(ServiceRequest.idempotency_key).contains(prefix, autoescape=True),
        )
    )
    found: dict[str, list[ServiceRequest]] = {}
    for row in rows:
        name = prefix + (row.idempotency_key or "").partition(prefix)[2]
        found.setdefault(name, []).append(row)
    return found


def compare(
    layout: str, posted: Sequence[Posted], before: Mapping[str, object], after: Mapping[str, list[ServiceRequest]]
) -> Results:
    """Every posted row beside what the database holds of it."""
    accepted = [answer for answer in posted if not answer.fault]
    in_city = landed = outside = outside_told = missing = doubled = 0
    elsewhere: list[tuple[str, str, str]] = []
    for answer in accepted:
        requests = after.get(name_of(layout, answer.row), [])
        missing += not requests
        doubled += len(requests) > 1
        if not requests:
            continue
        if requests[0].outcome_code == _OUTSIDE:
            outside += 1
            outside_told += bool(answer.notice)
        elif answer.row.district:
            in_city += 1
            names = [area["name"] for area in requests[0].areas.get("district", [])]
            if plain(answer.row.district) in map(plain, names):
                landed += 1
            else:
                elsewhere.append((answer.row.key, answer.row.district, ", ".join(names)))
    return Results(
        rows=len(posted),
        accepted=len(accepted),
        refused=len(posted) - len(accepted),
        already_there=sum(name_of(layout, answer.row) in before for answer in accepted),
        in_city=in_city,
        landed=landed,
        outside=outside,
        outside_told=outside_told,
        missing=missing,
        doubled=doubled,
        elsewhere=elsewhere,
    )
