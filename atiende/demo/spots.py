"""Where past requests happened: the city's own streets, crossings and landmarks, a little off, as people's pins are."""

import math
import random
from collections.abc import Callable, Sequence

from sqlmodel import Session, col, select

from atiende.demo.told import Spot
from georef.points import LonLat
from routing.models import GazetteerPlace

_METRES_PER_DEGREE = 111_320
_NO_POINT = 0.05
_ELSEWHERE = 0.008


class Spots:
    """Places to choose from. `neighbours` lie in the other jurisdictions of the installation."""

    def __init__(self, session: Session, jurisdiction_id: str) -> None:
        rows = session.exec(
            select(GazetteerPlace)
            .where(col(GazetteerPlace.kind).in_(("street", "crossing", "landmark")))
            .order_by(GazetteerPlace.kind, GazetteerPlace.name, col(GazetteerPlace.lon))
        ).all()
        own = [row for row in rows if row.jurisdiction_id == jurisdiction_id]
        self.neighbours = [row for row in rows if row.jurisdiction_id != jurisdiction_id]
        self.by_kind = {kind: [row for row in own if row.kind == kind] for kind in ("street", "crossing", "landmark")}

    def choose(self, chance: random.Random) -> Spot:
        """One place; now and then one without a point, or one that is not in this city at all."""
        kind = chance.choices(("crossing", "street", "landmark"), (50, 32, 18))[0]
        place = chance.choice(self.by_kind[kind])
        if self.neighbours and chance.random() < _ELSEWHERE:
            place = chance.choice(self.neighbours)
        address, said = _SAY[place.kind](chance, place)
        if chance.random() < _NO_POINT:
            return Spot(None, None, address, said)
        spread = 12 if place.kind == "crossing" else 45
        return Spot(_near(chance, place, spread), float(chance.choice((8, 12, 20, 35))), address, said)


def _near(chance: random.Random, place: GazetteerPlace, spread_m: float) -> LonLat:
    step = spread_m / _METRES_PER_DEGREE
    stretch = math.cos(math.radians(place.lat))
    return LonLat(
        round(place.lon + chance.gauss(0, step) / stretch, 6),
        round(place.lat + chance.gauss(0, step), 6),
    )


def _street(chance: random.Random, place: GazetteerPlace) -> tuple[str, str]:
    number = chance.choice((7, 12, 40, 77, 96, 115, 214, 300, 512, 1180)) + chance.randrange(0, 40)
    area = f", {place.context}" if place.context else ""
    return f"{place.name} {number}{area}", chance.choice(
        (f"en {place.name} {number}", f"en {place.name} casi {number}")
    )


def _crossing(chance: random.Random, place: GazetteerPlace) -> tuple[str, str]:
    first, _, second = place.name.partition(" y ")
    area = f", {place.context}" if place.context else ""
    said = chance.choice(
        (
            f"en {first} esquina con {second}",
            f"en {first} y {second}",
            f"{first} esq {second}",
            f"en la esquina de {first} y {second}",
        )
    )
    return f"{first} y {second}{area}", said


def _landmark(chance: random.Random, place: GazetteerPlace) -> tuple[str, str]:
    side: Sequence[str] = ("afuera de", "frente a", "atrás de", "a un lado de", "junto a")
    where = f"{chance.choice(side)} {place.name}"
    return f"{where}, {place.context}" if place.context else where, where


_SAY: dict[str, Callable[[random.Random, GazetteerPlace], tuple[str, str]]] = {
    "street": _street,
    "crossing": _crossing,
    "landmark": _landmark,
}
