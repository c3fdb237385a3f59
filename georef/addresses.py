"""Takes a place as people write it apart: streets that cross, the colonia, words that only say where to stand."""

import re
from dataclasses import dataclass

from georef.names import fold

# Longest first. They say where to stand, not what it is called.
_NOISE = re.compile(
    r"\b(?:a la altura de|a un lado de|al lado de|a unos metros de|cerca de|enfrente de|en frente de|frente al?|afuera de|"
    r"fuera de|atras de|detras de|adelante de|junto al?|casi|mero|aqui|alla|por favor|numero|num|no|sin numero|s n|esta|"
    r"hay una?|hay)\b"
)
# A full stop ends a piece only after a long word: "Col. Centro" is one piece.
_SEGMENTS = re.compile(r"[,;\n()]|(?<=\w{5})\.(?=\s|$)")
_CROSSING = re.compile(r"\s+(?:(?:casi\s+)?esquina(?:\s+(?:con|de|y))?|cruce(?:\s+con)?|con|y|e)\s+")
_BETWEEN = re.compile(
    r"^(?P<street>.*?)\s*\bentre\s+(?:las\s+calles\s+(?:de\s+)?)?(?P<first>.+?)\s+(?:y|e)\s+(?P<second>.+)$"
)
_COLONIA = re.compile(r"\b(?:colonia|barrio|pueblo|fraccionamiento|unidad habitacional)\s+(?P<name>.+)$")
_CORNER = re.compile(r"^(?:en\s+)?(?:la\s+)?esquina\s+(?:de\s+)?(?P<rest>.+)$")


@dataclass(frozen=True, slots=True)
class WrittenPlace:
    """Folded pieces. `crossings`: pairs of streets, likeliest first. `colonia`: what followed that word.

    `text` is all of it, `rest` all but the colonia.
    """

    text: str
    rest: str = ""
    crossings: tuple[tuple[str, str], ...] = ()
    between: tuple[str, str, str] | None = None
    colonia: str | None = None


def _clean(text: str) -> str:
    return " ".join(_NOISE.sub(" ", text).split())


def read(text: str) -> WrittenPlace:
    """Never fails: text without any structure is only `text`."""
    colonia: str | None = None
    crossings: list[tuple[str, str]] = []
    between: tuple[str, str, str] | None = None
    pieces: list[str] = []
    rest: list[str] = []
    for segment in _SEGMENTS.split(text):
        piece = fold(segment)
        if not piece:
            continue
        pieces.append(piece)
        rest.append(piece)
        found = _COLONIA.search(piece)
        if found:
            colonia = colonia or _clean(found["name"])
            piece = rest[-1] = piece[: found.start()].strip()
        corner = _CORNER.match(piece)
        piece = corner["rest"] if corner else piece
        block = _BETWEEN.match(piece)
        if block:
            street = _clean(block["street"] or (pieces[-2] if len(pieces) > 1 else ""))
            between = (street, _clean(block["first"]), _clean(block["second"]))
            continue
        for separator in _CROSSING.finditer(piece):
            first, second = _clean(piece[: separator.start()]), _clean(piece[separator.end() :])
            if first and second:
                crossings.append((first, second))
    return WrittenPlace(_clean(" ".join(pieces)), _clean(" ".join(rest)), tuple(crossings), between, colonia)
