"""How sure a receipt's place is: beside its error, how far the nearest border or the edge of a road is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from georef.distances import in_words
from routing.border_cases import NEAR_BORDER_M


def certainty(receipt: Mapping[str, Any], say: Any) -> tuple[str, bool]:
    """How sure the place is, and whether that is sure enough; of a border and a road's edge, by the nearer one.

    What a person was asked about is not in doubt any more.
    """
    point, border, settled = receipt["point"], receipt["border"], receipt.get("settled") or {}
    along = road_edge(receipt)
    if along is not None and along.layer in settled:
        along = None
    if along is not None and point is not None and (border is None or along.metres < border["metres"]):
        return _of_road(along, point["precision_m"], say)
    if point is None or border is None or border["layer"] in settled:
        return "", True
    metres, precision = border["metres"], point["precision_m"]
    far = {"metres": in_words(metres)}
    if precision is None:
        return str(say("Hay un límite a {metres}.", **far)), True
    far["precision"] = in_words(precision)
    if metres > max(precision, NEAR_BORDER_M):
        return str(say("El punto es seguro: ±{precision}, y el límite está a {metres}.", **far)), True
    if metres > precision:
        return str(say("El punto está cerca de un límite: a {metres}, con un error de ±{precision}.", **far)), False
    return str(say("El punto no es seguro: su error es de ±{precision} y el límite está a {metres}.", **far)), False


@dataclass(frozen=True, slots=True)
class RoadEdge:
    """The road that decides, or would: its line, how far from the axis it counts, and the metres from the point to there."""

    layer: str
    code: str
    name: str
    tolerance_m: float
    metres: float
    is_owner: bool


def road_edge(receipt: Mapping[str, Any]) -> RoadEdge | None:
    """None where no road has a say."""
    line = (receipt["rule"] or {}).get("line")
    if line:
        metres = max(0.0, line["tolerance_m"] - line["metres"])
        return RoadEdge(line["layer"], line["code"], line["name"], line["tolerance_m"], metres, True)
    doubt = receipt.get("border_case")
    if not doubt or doubt["kind"] != "line":
        return None
    layer = next((layer for layer in receipt["layers"] if layer["key"] == doubt["layer"]), None)
    codes = {code for reply in doubt["replies"] if (code := reply["settled"].get(doubt["layer"]))}
    near = [] if layer is None else [*layer["areas"], *([layer["nearest"]] if layer.get("nearest") else [])]
    found = next((line for line in near if line["code"] in codes and "metres" in line), None)
    if found is None:
        return None
    tolerance = max(0.0, found["metres"] - doubt["metres"])
    return RoadEdge(doubt["layer"], found["code"], found["name"], tolerance, doubt["metres"], False)


def _of_road(along: RoadEdge, precision: float | None, say: Any) -> tuple[str, bool]:
    far = {"metres": in_words(along.metres), "name": along.name}
    if precision is None:
        return str(say("El borde de {name} está a {metres}.", **far)), True
    far["precision"] = in_words(precision)
    if along.metres > precision:
        return str(say("El punto es seguro: ±{precision}, y el borde de {name} está a {metres}.", **far)), True
    text = say("El punto no es seguro: su error es de ±{precision} y el borde de {name} está a {metres}.", **far)
    return str(text), False
