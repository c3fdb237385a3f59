"""Who serves a place outside the city, and their phone: another city of this installation, or a neighbour its folder names."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from sqlmodel import Session

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from routing.places import Layer
from routing.queries import City
from routing.receipts import Elsewhere

_NEAR_M = 20_000.0


def who_serves(
    session: Session, jurisdiction_id: str, known: City, point: LonLat, on: date, found: Elsewhere | None
) -> Elsewhere | None:
    """Whoever holds the point, else the nearest within 20 km, else the neighbour named without a layer, if it is the only one.

    found: the other city of this installation, without its phone.
    """
    listed = catalog.jurisdiction(session, jurisdiction_id).settings.get("neighbours", [])
    near = list(_placed(listed, known.layers, point, on))
    if found is not None:
        other = session.get(Jurisdiction, found.jurisdiction_id)
        settings = other.settings if other is not None else {}
        near.append(replace(found, phone=settings.get("phone") or settings.get("contact") or None))
    if near:
        return min(near, key=lambda each: (each.metres or 0.0, each.jurisdiction_id is None, each.name))
    anywhere = [each for each in listed if "layer" not in each]
    return Elsewhere(None, anywhere[0]["name"], None, anywhere[0]["phone"]) if len(anywhere) == 1 else None


def _placed(
    listed: list[Mapping[str, str]], layers: Mapping[str, Layer], point: LonLat, on: date
) -> Iterator[Elsewhere]:
    for each in listed:
        layer = layers.get(each.get("layer", ""))
        if layer is None or layer.kind != "area":
            continue
        snapshot = layer.index.in_force(on)
        if any(area.code == each.get("area", area.code) for area in snapshot.at(point.lon, point.lat)):
            yield Elsewhere(None, each["name"], 0.0, each["phone"])
            continue
        border = snapshot.nearest_border(point)
        beyond = border.neighbour if border is not None else None
        if border is None or beyond is None or border.metres > _NEAR_M:
            continue
        if each.get("area", beyond.code) == beyond.code:
            yield Elsewhere(None, each["name"], border.metres, each["phone"])
