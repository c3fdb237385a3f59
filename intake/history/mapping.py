"""The MAP: a TOML file that says which column of a file is what. docs/import-history.md describes every key."""

import codecs
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from intake.service_requests.lifecycle import CLOSED, OUTCOMES, TRANSITIONS
from kernel.errors import InvalidInput, NotFound

TEXT_FIELDS = ("description", "address", "address_id", "zipcode", "status_notes", "media_url")
REJECT, RULES, RETIRE = "reject", "rules", "retire"
DETECT = "detect"
BY_DATE = "by_date"
# What would tell who reported. It has no place in a bulk import, sealed or not.
_CONTACT = frozenset(
    (
        "email", "phone", "mobile", "telephone", "first_name", "last_name", "name", "full_name", "contact", "reporter",
        "account_id", "device_id", "person",
    )
)  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Csv(_Part):
    """encoding: a codec's name, or `detect` for UTF-8 in which single cells may be Windows-1252."""

    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            codecs.lookup(value if value != DETECT else "utf-8")
            return value
        except LookupError:
            raise ValueError("no existe esa codificación / no such encoding") from None


class Fields(_Part):
    """Our field -> column, or columns whose values are joined with a comma and a blank."""

    source_id: str
    description: str | tuple[str, ...] = ()
    address: str | tuple[str, ...] = ()
    address_id: str | tuple[str, ...] = ()
    zipcode: str | tuple[str, ...] = ()
    status_notes: str | tuple[str, ...] = ()
    media_url: str | tuple[str, ...] = ()

    def columns(self, name: str) -> tuple[str, ...]:
        value: str | tuple[str, ...] = getattr(self, name)
        return (value,) if isinstance(value, str) else value


class Texts(_Part):
    """A value for each field: of every row (constants) or of the rows that have none (defaults)."""

    description: str = ""
    address: str = ""
    address_id: str = ""
    zipcode: str = ""
    status_notes: str = ""
    media_url: str = ""


class Coded(_Part):
    """A column whose values stand for ours. Without `column` every row gets `code`; `unknown` is what other values become."""

    column: str | None = None
    code: str | None = None
    codes: Mapping[str, str] = Field(default_factory=dict)
    unknown: str = REJECT


class ServiceCodes(Coded):
    """`unknown = "retire"`: values without a service become services that are no longer offered, named by `name_column`."""

    name_column: str | None = None
    group: str = "historia"

    @model_validator(mode="after")
    def _says_something(self) -> "ServiceCodes":
        if self.column is None and self.code is None:
            raise ValueError("hace falta column o code / needs column or code")
        return self


class Statuses(Coded):
    """Values are states of the life of a request; `closed` may carry its outcome: `closed:not_found`.

    `by_date` is closed when the row has a closing date, else new.
    """

    outcome: str = "resolved"

    @model_validator(mode="after")
    def _are_states(self) -> "Statuses":
        if self.column is None and self.code is None:
            raise ValueError("hace falta column o code / needs column or code")
        given = [*self.codes.values(), *([self.code] if self.code else [])]
        if self.unknown != REJECT:
            given.append(self.unknown)
        for value in (*given, f"{CLOSED}:{self.outcome}"):
            life, _, outcome = value.partition(":")
            if value == BY_DATE:
                continue
            if life not in TRANSITIONS or (outcome and (life != CLOSED or outcome not in OUTCOMES)):
                raise ValueError(f"«{value}» no es un estado / is no state: {', '.join(TRANSITIONS)}, closed:OUTCOME")
        return self


class Dates(_Part):
    """format: `iso`, a strptime format, or several in the order to try. zone: of times that name none; the city's by default."""

    requested: str
    closed: str | None = None
    updated: str | None = None
    expected: str | None = None
    format: str | tuple[str, ...] = "iso"
    zone: str | None = None
    ambiguous: Literal["earlier", "later", "reject"] = "earlier"

    @property
    def formats(self) -> tuple[str, ...]:
        return (self.format,) if isinstance(self.format, str) else self.format


class Position(_Part):
    """lon and lat (or east and north, in the units of `crs`) as columns. Axis order is always east first."""

    lon: str
    lat: str
    crs: str = "EPSG:4326"
    precision_m: float | None = Field(default=None, gt=0)

    @field_validator("crs")
    @classmethod
    def _exists(cls, value: str) -> str:
        from pyproj import CRS  # a third of a second, only for imports
        from pyproj.exceptions import CRSError

        try:
            CRS.from_user_input(value)
        except CRSError:
            raise ValueError("no existe ese sistema de coordenadas / no such coordinate system") from None
        return value


class HistoryMap(_Part):
    """A whole MAP. `source` names the register: a `source_id` is unique within it and the jurisdiction."""

    source: str = Field(min_length=1, max_length=60)
    jurisdiction: str | None = None
    format: Literal["csv", "json", "parquet"] | None = None
    language: Literal["es", "en"] | None = None
    csv: Csv = Csv()
    fields: Fields
    constants: Texts = Texts()
    defaults: Texts = Texts()
    service: ServiceCodes
    status: Statuses
    agency: Coded = Coded(unknown=RULES)
    channel: Coded = Coded(code="import")
    dates: Dates
    point: Position | None = None

    @property
    def columns(self) -> dict[str, str]:
        """Every column that is read -> the key that names it."""
        named: dict[str, str] = {}
        for field in ("source_id", *TEXT_FIELDS):
            named |= dict.fromkeys(self.fields.columns(field), f"fields.{field}")
        for part, key in (
            (self.service, "column"), (self.service, "name_column"), (self.status, "column"), (self.agency, "column"),
            (self.channel, "column"), (self.dates, "requested"), (self.dates, "closed"), (self.dates, "updated"),
            (self.dates, "expected"), (self.point, "lon"), (self.point, "lat"),
        ):  # fmt: skip
            column = getattr(part, key, None)
            if column is not None:
                named[column] = f"{_PART_NAMES[type(part)]}.{key}"
        return named

    @property
    def needed(self) -> set[str]:
        """The columns without which no row can be read."""
        wanted = {self.fields.source_id, self.dates.requested, self.service.column, self.status.column}
        return {column for column in wanted if column is not None}


_PART_NAMES: dict[type, str] = {
    ServiceCodes: "service",
    Statuses: "status",
    Coded: "agency/channel",
    Dates: "dates",
    Position: "point",
}


def read_map(path: Path) -> HistoryMap:
    """Raises NotFound, or InvalidInput with a line for each problem: unknown keys, missing ones, columns of contact data."""
    if not path.is_file():
        raise NotFound("No existe el archivo {path}.", path=path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("{path} no es TOML: {reason}", path=path, reason=error) from None
    return parse_map(raw, path.name)


def parse_map(raw: Mapping[str, Any], name: str = "MAP") -> HistoryMap:
    """As `read_map`, of what the file holds. Raises InvalidInput."""
    for part in ("fields", "constants", "defaults"):
        table = raw.get(part)
        for key in table if isinstance(table, Mapping) else ():
            if key.lower() in _CONTACT:
                raise InvalidInput(
                    "{map}: los datos de contacto no se importan; quita {contact}.", map=name, contact=key
                )
    try:
        return HistoryMap.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput("{problems}", problems="\n".join(_explain(name, error))) from None


def _explain(name: str, error: ValidationError) -> list[str]:
    words = {"missing": "falta / is missing", "extra_forbidden": "no existe esa clave / no such key"}
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        where = ".".join(str(part) for part in problem["loc"] if not str(part).startswith(("tuple[", "str")))
        text = words.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        lines.append(f"{name}: {where}: {text}")
    return lines
