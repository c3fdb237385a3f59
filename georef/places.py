"""Named places, and what was found of them in a text."""

from dataclasses import dataclass

from georef.points import LonLat


@dataclass(frozen=True, slots=True)
class Place:
    """A named place. `precision_m`: how far the point may be off; `context`: where it lies, in words (colonia, district)."""

    kind: str
    name: str
    point: LonLat
    precision_m: float
    aliases: tuple[str, ...] = ()
    context: str = ""

    @property
    def label(self) -> str:
        """The name, and where it lies if that is known."""
        return f"{self.name}, {self.context}" if self.context else self.name


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """A place found in a text. `score` 0 to 100: from 85 the name is there, below 70 somebody should confirm it.

    `point` and `precision_m` are of what was described (a corner of two streets), not always of `place` itself.
    """

    place: Place
    score: float
    point: LonLat
    precision_m: float
    label: str
