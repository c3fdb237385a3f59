"""A whole replay in one go: the command's way. Pages do the same in parts (`intake.whatif.jobs`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.whatif import history
from intake.whatif.files import OutputFolder, Subject
from intake.whatif.history import Period
from kernel.errors import InvalidInput
from routing import queries as routing
from routing.values import Rule
from routing.whatif.compare import Comparison
from routing.whatif.sides import NamedArea, Side, as_of, drafted

Progress = Callable[[float, int], None]


@dataclass(frozen=True)
class Draft:
    """What is tried: whole layers by key, and all rules (None: today's)."""

    layers: Mapping[str, Sequence[NamedArea]] = field(default_factory=dict)
    rules: Sequence[Rule] | None = None


def live_side(session: Session, jurisdiction_id: str, on: date) -> Side:
    """What the city decides with on that local day. Raises NotFound for a city without rules."""
    known = routing.city(session, jurisdiction_id)
    return as_of(known.rules.on(on), known.layers, on)


def compare(live: Side, draft: Draft, on: date) -> Comparison:
    """Both sides, ready to be asked. Raises InvalidInput for a draft that nobody could publish."""
    return Comparison(live, drafted(live, rules=draft.rules, on=on, layers=draft.layers), list(draft.layers))


def subject(session: Session, jurisdiction_id: str, title: str, period: Period, now: datetime) -> Subject:
    """The city's side of a report."""
    city = catalog.jurisdiction(session, jurisdiction_id)
    known = catalog.catalog(session, jurisdiction_id)
    return Subject(
        jurisdiction_id=city.id,
        city=city.name,
        timezone=city.timezone,
        title=title,
        period=period,
        made_at=now,
        services={code: service.name for code, service in {**known.retired, **known.by_code}.items()},
        groups={service.code: service.group_code for service in known.services},
        basemap=city.basemap or {},
    )


def replay(
    session: Session, asked: Comparison, about: Subject, folder: Path, *, language: str, progress: Progress
) -> dict[str, Any]:
    """Asks both sides about every request of the period and writes the files into `folder`; returns the outcome.

    Raises InvalidInput when the period has no request or the folder cannot be written.
    """
    city = about.jurisdiction_id
    total = history.count(session, city, about.period, about.zone)
    if total == 0:
        raise InvalidInput(
            "{city} no tiene solicitudes del {first} al {last}.",
            city=city,
            first=about.period.first,
            last=about.period.last,
        )
    group_of = history.groups(session, city)
    with OutputFolder(folder, about, language) as files:
        for rows in history.stream(session, city, about.period, about.zone, group_of):
            files.add(asked.add(rows))
            # The last twentieth is the boundaries and the report.
            progress(0.95 * min(asked.tally.rows / total, 1.0), asked.tally.rows)
        found = files.finish(asked)
        progress(1.0, asked.tally.rows)
        return found
