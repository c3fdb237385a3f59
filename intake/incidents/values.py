"""What incidents are made of, and the pure questions about them: does it concern this, what is said of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import shapely
from shapely.geometry.base import BaseGeometry

from georef.points import LonLat
from kernel.errors import InvalidInput
from kernel.i18n import LANGUAGES, SOURCE_LANGUAGE

Kind = Literal["storm", "outage", "quake", "shortage", "other"]
KINDS: tuple[Kind, ...] = ("storm", "outage", "quake", "shortage", "other")
MOST_WRITTEN = 160  # one SMS; accents are exchanged on the way out
MOST_SPOKEN = 300  # some twenty seconds
MOST_TITLE = 60
MOST_POINTS = 2000
_NEWS = "incident-"

# What a voice would spell or stumble over.
_SAID_AS = (
    (re.compile(r"https?://\S+"), ""),
    (re.compile(r"\bAv\.", re.I), "avenida"),
    (re.compile(r"\bCol\.", re.I), "colonia"),
    (re.compile(r"\bC\.P\.", re.I), "código postal"),
    (re.compile(r"(\d)\s*h\b"), r"\1 horas"),
    (re.compile(r"[*_#|<>/\\]+"), " "),
    (re.compile(r"&"), " y "),
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """An open incident as it is told. title, written (one SMS), spoken (for a voice): by language, Spanish always among them."""

    id: UUID
    kind: str
    title: Mapping[str, str]
    written: Mapping[str, str]
    spoken: Mapping[str, str]
    opened_at: datetime

    def text(self, language: str, *, is_spoken: bool = False) -> str:
        """In this language, else in Spanish."""
        return in_language(self.spoken if is_spoken else self.written, language)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a supervisor, the detector or an alert says of an incident; `checked` before it is kept."""

    kind: str
    title: Mapping[str, str]
    written: Mapping[str, str]
    spoken: Mapping[str, str] = field(default_factory=dict)
    service_codes: Sequence[str] = ()
    group_codes: Sequence[str] = ()
    areas: Sequence[Mapping[str, str]] = ()
    geometry: BaseGeometry | None = None
    expected_end_at: datetime | None = None
    basis: Mapping[str, Any] = field(default_factory=dict)
    alert: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an incident is about, and where. service_codes: also those of its groups; empty: every service. geometry: None is the
    whole city."""

    service_codes: frozenset[str]
    geometry: bytes | None
    is_about_all: bool = False

    def concerns(self, service_code: str | None, lonlat: LonLat | None) -> bool:
        """True when it may be about that; what is not known (None) excludes nothing."""
        if service_code is not None and not self.is_about_all and service_code not in self.service_codes:
            return False
        if lonlat is None or self.geometry is None:
            return True
        return bool(shapely.intersects_xy(shape(self.geometry), lonlat.lon, lonlat.lat))

    @property
    def size(self) -> tuple[bool, float, int]:
        """For ordering: what is about less, in a smaller area, comes first."""
        area = float("inf") if self.geometry is None else float(shapely.from_wkb(self.geometry).area)
        return self.is_about_all, area, len(self.service_codes)


@lru_cache(maxsize=256)
def shape(geometry: bytes) -> BaseGeometry:
    """The polygons, made ready for being asked about points, by several threads at once, and about nothing else."""
    read = shapely.from_wkb(geometry)
    shapely.prepare(read)
    # GEOS makes the index at the first question; two threads at that corrupt memory.
    shapely.intersects_xy(read, 0.0, 0.0)
    return read


def news_reference(update_id: UUID) -> str:
    """By which a message is known as this news."""
    return f"{_NEWS}{update_id}"


def update_of(reference: str | None) -> UUID | None:
    """The news that a message of this reference carries; None when it is another message."""
    return UUID(reference.removeprefix(_NEWS)) if reference and reference.startswith(_NEWS) else None


def in_language(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get(SOURCE_LANGUAGE, "")


def checked(draft: Draft) -> Draft:
    """The draft as it may be kept: texts on one line, a spoken form for each written one. Raises InvalidInput."""
    if draft.kind not in KINDS:
        raise InvalidInput("Elige qué clase de incidente es.", field="kind")
    title, written, spoken = _tidy(draft.title), _tidy(draft.written), _tidy(draft.spoken)
    if not title.get(SOURCE_LANGUAGE):
        raise InvalidInput("Escribe de qué se trata, por ejemplo: corte de agua.", field="title")
    if not written.get(SOURCE_LANGUAGE):
        raise InvalidInput("Escribe lo que se le dirá a la gente.", field="written")
    for texts, name, most in ((title, "title", MOST_TITLE), (written, "written", MOST_WRITTEN)):
        refuse_long(texts, name, most)
    spoken = {language: spoken.get(language) or as_said(text) for language, text in written.items()}
    refuse_long(spoken, "spoken", MOST_SPOKEN)
    geometry = draft.geometry
    if geometry is not None:
        geometry = _checked_shape(geometry)
    return Draft(
        draft.kind, title, written, spoken, tuple(dict.fromkeys(draft.service_codes)),
        tuple(dict.fromkeys(draft.group_codes)), tuple(dict(area) for area in draft.areas), geometry,
        draft.expected_end_at, draft.basis, draft.alert,
    )  # fmt: skip


def checked_words(words: Mapping[str, str], field_name: str = "words") -> dict[str, str]:
    """What everybody attached is told. Raises InvalidInput when there is none in Spanish, or more than one SMS."""
    tidy = _tidy(words)
    if not tidy.get(SOURCE_LANGUAGE):
        raise InvalidInput("Escribe lo que se le dirá a la gente.", field=field_name)
    refuse_long(tidy, field_name, MOST_WRITTEN)
    return tidy


def as_said(text: str) -> str:
    """The written text for a voice: no addresses of pages, no signs, no abbreviations."""
    for pattern, said in _SAID_AS:
        text = pattern.sub(said, text)
    return " ".join(text.split())


def refuse_long(texts: Mapping[str, str], field_name: str, most: int) -> None:
    for language in LANGUAGES:
        if len(texts.get(language, "")) > most:
            raise InvalidInput("Caben {most} letras.", field=f"{field_name}_{language}", most=most)


def _tidy(texts: Mapping[str, str]) -> dict[str, str]:
    tidy = {language: " ".join(texts.get(language, "").replace("\0", "").split()) for language in LANGUAGES}
    return {language: text for language, text in tidy.items() if text}


def _checked_shape(geometry: BaseGeometry) -> BaseGeometry:
    flat = shapely.force_2d(geometry)
    if geometry.is_empty or flat.geom_type not in ("Polygon", "MultiPolygon"):
        raise InvalidInput("La zona no es un polígono.", field="area")
    if not shapely.is_valid(flat):
        flat = shapely.make_valid(flat, method="structure", keep_collapsed=False)
    if flat.is_empty or flat.area == 0:
        raise InvalidInput("La zona no es un polígono.", field="area")
    if shapely.get_num_coordinates(flat) > MOST_POINTS:
        # Nobody needs more than some metres of it.
        flat = shapely.simplify(flat, 0.0002)
    return shapely.normalize(flat)
