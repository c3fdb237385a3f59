"""From the cells of an old register to one past request, or the reason why not. Pure: no database, no file."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from intake.catalog.definitions import ServiceDefinition
from intake.history.mapping import BY_DATE, DETECT, REJECT, RETIRE, RULES, TEXT_FIELDS, Coded, HistoryMap
from intake.history.times import Clock, TwiceOrNever
from intake.service_requests.lifecycle import CLOSED, NEW
from intake.service_requests.values import MAX_DESCRIPTION
from kernel.i18n import translate

_MOST = {"description": MAX_DESCRIPTION, "status_notes": MAX_DESCRIPTION, "address": 500, "media_url": 2000}
_LONGEST_ID = 200
_LONGEST_CODE = 60
_SHOWN = 80
_SURROGATES = re.compile("[\ud800-\udfff]")
# What XML cannot hold; one such letter would spoil every list that the request is in.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FIRST_YEAR = 1970
_TOMORROW = timedelta(days=1)
_NULL_ISLAND = 1e-4

# Repairs, each a rule of docs/import-history.md.
REPAIRS = {
    "control": "caracteres de control quitados",
    "decoded": "celdas que no eran UTF-8, leídas como Windows-1252",
    "cut": "textos demasiado largos, cortados",
    "null_island": "puntos 0, 0, dejados sin punto",
    "swapped": "coordenadas al revés, volteadas",
    "no_closing": "cerradas sin fecha de cierre: vale la última que se conoce",
    "open_closing": "abiertas con fecha de cierre: vale el estado",
    "closed_first": "cerradas menos de un día antes de abrirse: cerradas al abrirse",
    "media": "direcciones de foto que no son http, quitadas",
    "shifted": "horas que hubo dos veces o ninguna, leídas según la regla",
}


class Rejected(Exception):
    """Why a row stays out: the column, what stood there, and a msgid with its fields."""

    def __init__(self, column: str, value: str, text: str, **params: object) -> None:
        super().__init__(text)
        self.column, self.value, self.text, self.params = column, value, text, params

    def reason(self, language: str) -> str:
        return translate(language, self.text, **self.params)

    @property
    def shown(self) -> str:
        """The value, short, and without line ends or bytes that no file can hold."""
        plain = " ".join(self.value.encode("utf-8", "replace").decode().split())
        return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"


@dataclass(slots=True)
class Past:
    """One past request. lon/lat: in the map's coordinate system until the batch is placed, then WGS84."""

    line: int
    source_id: str
    service_code: str
    requested_at: datetime
    updated_at: datetime
    life: str
    outcome_code: str | None
    closed_at: datetime | None
    expected_at: datetime | None
    channel: str
    agency_code: str | None
    lon: float | None
    lat: float | None
    description: str = ""
    address: str = ""
    address_id: str = ""
    zipcode: str = ""
    status_notes: str = ""
    media_url: str = ""
    areas: str = "{}"
    # Whether its texts can go into a line of COPY as they are; False where nobody has looked.
    is_plain: bool = False


class _TextPlan(NamedTuple):
    """Where a text of ours comes from. most: letters of it that are kept."""

    positions: tuple[int, ...]
    constant: str
    default: str
    most: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the city has: `services` by code, offered or not; codes of `agencies`."""

    services: Mapping[str, ServiceDefinition]
    agencies: Collection[str]
    zone: ZoneInfo
    now: datetime


class Translator:
    """Reads the rows of one file. `repairs` counts what was put right; `retired` gathers services to be made: code -> name."""

    def __init__(self, mapped: HistoryMap, columns: Sequence[str], known: Known) -> None:
        self._map, self._known = mapped, known
        place = {name: position for position, name in enumerate(columns)}
        fields = mapped.fields
        self._id = place[fields.source_id]
        # In the order in which a Past has them.
        self._texts = [
            _TextPlan(
                tuple([place[column] for column in fields.columns(name)]),
                getattr(mapped.constants, name),
                getattr(mapped.defaults, name),
                _MOST.get(name, 100),
            )
            for name in TEXT_FIELDS
        ]
        added = "".join([plan.constant + plan.default for plan in self._texts])
        self._adds_plain = added.isprintable() and "\\" not in added
        zone = ZoneInfo(mapped.dates.zone) if mapped.dates.zone else known.zone
        self._clock = Clock(mapped.dates.formats, zone, mapped.dates.ambiguous)
        self._dates = {
            name: (place[column], column)
            for name in ("requested", "closed", "updated", "expected")
            if (column := getattr(mapped.dates, name)) is not None
        }
        self._point = (place[mapped.point.lon], place[mapped.point.lat]) if mapped.point else None
        self._service = self._reader(place, mapped.service)
        self._service_name = place[mapped.service.name_column] if mapped.service.name_column else None
        self._status = self._reader(place, mapped.status)
        self._agency = self._reader(place, mapped.agency)
        self._channel = self._reader(place, mapped.channel)
        self._names = list(columns)
        self._is_mixed = mapped.csv.encoding == DETECT
        self._latest = known.now + _TOMORROW
        # What a word of the file stands for, found once.
        self._service_codes: dict[str, str] = {}
        self._agency_codes: dict[str, str | None] = {}
        self._lives: dict[str, tuple[str, str | None]] = {}
        self.repairs: Counter[str] = Counter()
        self.retired: dict[str, str] = {}

    @staticmethod
    def _reader(place: Mapping[str, int], coded: Coded) -> Callable[[list[str]], str]:
        if coded.column is None:
            constant = coded.code or ""
            return lambda _: constant
        position = place[coded.column]
        return lambda cells: cells[position].strip()

    def read(self, line: int, cells: list[str]) -> Past:
        """Raises Rejected."""
        joined = "".join(cells)
        is_plain = joined.isprintable()
        if not is_plain:
            cells = self._cleaned(cells, joined)
        source_id = cells[self._id].strip()
        if not 0 < len(source_id) <= _LONGEST_ID:
            raise Rejected(self._map.fields.source_id, source_id, "Falta el identificador, o es demasiado largo.")
        service_code = self._service_of(cells)
        life, outcome = self._life_of(cells)
        requested_at = self._instant("requested", cells)
        if requested_at is None:
            raise Rejected(self._map.dates.requested, "", "Falta la fecha en que se pidió.")
        if not requested_at.year >= _FIRST_YEAR or requested_at > self._latest:
            raise self._no_date("requested", cells, "La fecha en que se pidió no puede ser.")
        updated_at, closed_at = self._later(cells, requested_at, life == CLOSED)
        lon, lat = self._point_of(cells) if self._point else (None, None)
        description, address, address_id, zipcode, notes, media = [self._text(cells, plan) for plan in self._texts]
        if media and not media.startswith(("http://", "https://")):
            media = ""
            self.repairs["media"] += 1
        expected_at = self._instant("expected", cells)
        channel, agency_code = self._channel_of(cells), self._agency_of(cells)
        is_plain = is_plain and self._adds_plain and "\\" not in joined
        # By place, in the order of the fields: by name it takes three times as long.
        return Past(
            line, source_id, service_code, requested_at, updated_at, life, outcome, closed_at, expected_at, channel, agency_code,
            lon, lat, description, address, address_id, zipcode, notes, media, "{}", is_plain,
        )  # fmt: skip

    def finish(self) -> None:
        """Takes over what was counted elsewhere."""
        if self._clock.shifted:
            self.repairs["shifted"] = self._clock.shifted

    def _cleaned(self, cells: list[str], joined: str) -> list[str]:
        if _SURROGATES.search(joined):
            cells = [self._decoded(name, cell) for name, cell in zip(self._names, cells, strict=True)]
        if _CONTROL.search(joined):
            self.repairs["control"] += 1
            cells = [_CONTROL.sub("", cell) for cell in cells]
        if "\r" in joined:
            cells = [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
        return cells

    def _decoded(self, name: str, cell: str) -> str:
        if not _SURROGATES.search(cell):
            return cell
        if self._is_mixed:
            self.repairs["decoded"] += 1
            return cell.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        raise Rejected(
            name, cell, "No está en {encoding}: di otra en csv.encoding, o detect.", encoding=self._map.csv.encoding
        )

    def _service_of(self, cells: list[str]) -> str:
        word = self._service(cells)
        code = self._service_codes.get(word)
        if code is None:
            code = self._service_codes[word] = self._new_service(cells, word)
        return code

    def _new_service(self, cells: list[str], word: str) -> str:
        service = self._map.service
        column = service.column or "service.code"
        code = service.codes.get(word, word)
        if code in self._known.services:
            return code
        if service.unknown == REJECT or not word:
            raise Rejected(column, word, "No hay ningún servicio para este valor.")
        if service.unknown != RETIRE:
            if service.unknown in self._known.services:
                return service.unknown
            raise Rejected(column, service.unknown, "No hay ningún servicio para este valor.")
        name = cells[self._service_name].strip() if self._service_name is not None else word
        made = code_of(code)
        if made not in self._known.services:
            self.retired.setdefault(made, (name or word)[:200])
        return made

    def _life_of(self, cells: list[str]) -> tuple[str, str | None]:
        word = self._status(cells)
        known = self._lives.get(word)
        if known is not None:
            return known
        value = self._state_of(word)
        if value == BY_DATE:
            is_closed = "closed" in self._dates and cells[self._dates["closed"][0]].strip()
            return self._as_life(CLOSED if is_closed else NEW)
        made = self._lives[word] = self._as_life(value)
        return made

    def _state_of(self, word: str) -> str:
        status = self._map.status
        value = status.codes.get(word) or (word if status.column is None else None)
        if value is None:
            if status.unknown == REJECT:
                raise Rejected(status.column or "status", word, "El mapa no dice qué estado es este.")
            value = status.unknown
        return value

    def _as_life(self, value: str) -> tuple[str, str | None]:
        life, _, outcome = value.partition(":")
        return life, (outcome or self._map.status.outcome) if life == CLOSED else None

    def _agency_of(self, cells: list[str]) -> str | None:
        """None: for the city's rules to say."""
        word = self._agency(cells)
        if not word:
            return None
        if word not in self._agency_codes:
            self._agency_codes[word] = self._new_agency(word)
        return self._agency_codes[word]

    def _new_agency(self, word: str) -> str | None:
        agency = self._map.agency
        code = agency.codes.get(word, word)
        if code in self._known.agencies:
            return code
        if agency.unknown == RULES:
            return None
        if agency.unknown in self._known.agencies:
            return agency.unknown
        raise Rejected(agency.column or "agency.code", word, "No hay ninguna dependencia con esta clave.")

    def _channel_of(self, cells: list[str]) -> str:
        word, channel = self._channel(cells), self._map.channel
        if channel.column is None:
            return word or "import"
        code = channel.codes.get(word)
        if code is None:
            if channel.unknown == REJECT and word:
                raise Rejected(channel.column, word, "El mapa no dice qué canal es este.")
            code = channel.code or (channel.unknown if channel.unknown != REJECT else "import")
        return code

    def _instant(self, name: str, cells: list[str]) -> datetime | None:
        if name not in self._dates:
            return None
        text = cells[self._dates[name][0]].strip()
        if not text:
            return None
        try:
            return self._clock.read(text)
        except TwiceOrNever:
            raise self._no_date(name, cells, "Esa hora hubo dos veces o ninguna: cambió el horario.") from None
        except ValueError:
            raise self._no_date(name, cells, "No es una fecha, o no en el formato del mapa.") from None

    def _no_date(self, name: str, cells: list[str], text: str) -> Rejected:
        position, column = self._dates[name]
        return Rejected(column, cells[position], text)

    def _later(self, cells: list[str], requested_at: datetime, is_closed: bool) -> tuple[datetime, datetime | None]:
        """(last change, closing)."""
        closed_at, updated_at = self._instant("closed", cells), self._instant("updated", cells)
        if closed_at is not None and not (closed_at.year >= _FIRST_YEAR and closed_at <= self._latest):
            raise self._no_date("closed", cells, "La fecha no puede ser.")
        if updated_at is not None and not (updated_at.year >= _FIRST_YEAR and updated_at <= self._latest):
            raise self._no_date("updated", cells, "La fecha no puede ser.")
        if closed_at is not None and not is_closed:
            self.repairs["open_closing"] += 1
            closed_at = None
        if is_closed and closed_at is None:
            if "closed" in self._dates:
                self.repairs["no_closing"] += 1
            closed_at = max(updated_at or requested_at, requested_at)
        if closed_at is not None and closed_at < requested_at:
            if requested_at - closed_at > _TOMORROW:
                raise self._no_date("closed", cells, "Se cerró antes de pedirse.")
            self.repairs["closed_first"] += 1
            closed_at = requested_at
        latest = requested_at if closed_at is None else closed_at
        return latest if updated_at is None or updated_at < latest else updated_at, closed_at

    def _point_of(self, cells: list[str]) -> tuple[float | None, float | None]:
        assert self._point is not None
        assert self._map.point is not None
        first, second = cells[self._point[0]].strip(), cells[self._point[1]].strip()
        if not first and not second:
            return None, None
        try:
            lon, lat = float(first), float(second)
        except ValueError:
            wrong = self._map.point.lat if _is_number(first) else self._map.point.lon
            raise Rejected(wrong, first if wrong == self._map.point.lon else second, "No es un número.") from None
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise Rejected(self._map.point.lon, f"{first} {second}", "No es un número.")
        if abs(lon) < _NULL_ISLAND and abs(lat) < _NULL_ISLAND:
            self.repairs["null_island"] += 1
            return None, None
        return lon, lat

    def _text(self, cells: list[str], plan: _TextPlan) -> str:
        positions, constant, default, most = plan
        if constant or not positions:
            return constant or default
        if len(positions) == 1:
            text = cells[positions[0]].strip()
        else:
            text = ", ".join(part for position in positions if (part := cells[position].strip()))
        if len(text) > most:
            self.repairs["cut"] += 1
            text = text[: most - 1] + "…"
        return text or default


def code_of(word: str) -> str:
    """A service code from what a register called the matter: `Noise - Street/Sidewalk` is NOISE_STREET_SIDEWALK."""
    bare = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().upper()
    return re.sub(r"[^A-Z0-9]+", "_", bare).strip("_")[:_LONGEST_CODE].strip("_") or "OTRO"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def counted(repairs: Mapping[str, int], language: str) -> list[str]:
    """The repairs as lines for a person."""
    return [f"{count} {translate(language, REPAIRS[kind])}" for kind, count in sorted(repairs.items()) if count]
