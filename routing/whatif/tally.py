"""What a comparison adds up: small whatever the number of requests, and kept as JSON between two parts of a long one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Stands for nobody where a code of an agency stands: outside the city no agency answers.
NOBODY = ""
_PLAIN = (
    "rows",
    "unlocated",
    "changed",
    "open_rows",
    "open_changed",
    "recorded_differs",
    "near_border",
    "outside",
    "default",
    "lost",
    "in_two",
)


@dataclass
class Tally:
    """Counts of requests.

    `pairs`: (service, agency before, agency after), also of those that stay. `weeks`: (Monday, before, after). `open_pairs`:
    (before, after) of open ones that move. `outside`, `default`: by the draft nobody's, or the default agency's for want of a
    rule. `lost`: those of them that a rule of today answers. `holes`, `overlaps`: by layer, inside the city, of requests in no
    area of it or in several; `lost_in_holes`: in no area, and lost. `in_two`: in several areas of any layer. `recorded_differs`:
    the agency on record is not the one that today's rules name, as after a transfer by hand. `near_border`: within 50 m of a
    border that the draft's rules ask about.
    """

    rows: int = 0
    unlocated: int = 0
    changed: int = 0
    open_rows: int = 0
    open_changed: int = 0
    recorded_differs: int = 0
    near_border: int = 0
    outside: int = 0
    default: int = 0
    lost: int = 0
    in_two: int = 0
    pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    weeks: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    open_pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    holes: Counter[str] = field(default_factory=Counter)
    overlaps: Counter[str] = field(default_factory=Counter)
    lost_in_holes: Counter[str] = field(default_factory=Counter)

    @property
    def matrix(self) -> Counter[tuple[str, str]]:
        """(before, after) -> requests."""
        found: Counter[tuple[str, str]] = Counter()
        for (_, before, after), count in self.pairs.items():
            found[before, after] += count
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "pairs": [[*key, count] for key, count in self.pairs.items()],
            "weeks": [[*key, count] for key, count in self.weeks.items()],
            "open_pairs": [[*key, count] for key, count in self.open_pairs.items()],
            "holes": dict(self.holes),
            "overlaps": dict(self.overlaps),
            "lost_in_holes": dict(self.lost_in_holes),
        }

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Tally":
        """The inverse of `as_json`; an empty mapping is an empty tally."""
        return Tally(
            **{name: int(kept.get(name, 0)) for name in _PLAIN},
            pairs=Counter({(row[0], row[1], row[2]): row[3] for row in kept.get("pairs", ())}),
            weeks=Counter({(row[0], row[1], row[2]): row[3] for row in kept.get("weeks", ())}),
            open_pairs=Counter({(row[0], row[1]): row[2] for row in kept.get("open_pairs", ())}),
            holes=Counter(kept.get("holes", {})),
            overlaps=Counter(kept.get("overlaps", {})),
            lost_in_holes=Counter(kept.get("lost_in_holes", {})),
        )


@dataclass(frozen=True)
class AgencyLine:
    """What one agency has, gets and gives; `code` is NOBODY for requests that no agency answers."""

    code: str
    before: int
    gains: int
    losses: int

    @property
    def after(self) -> int:
        return self.before + self.gains - self.losses


def agency_lines(tally: Tally) -> list[AgencyLine]:
    """One line for each agency that has requests on either side, the largest movement first."""
    before: Counter[str] = Counter()
    gains: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    for (old, new), count in tally.matrix.items():
        before[old] += count
        if old != new:
            gains[new] += count
            losses[old] += count
    lines = [AgencyLine(code, before[code], gains[code], losses[code]) for code in {*before, *gains}]
    return sorted(lines, key=lambda line: (-(line.gains + line.losses), -line.before, line.code))
