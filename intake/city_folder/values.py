"""A city folder as values: what `read.py` makes of the files and `load.py` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from shapely.geometry.base import BaseGeometry

from georef.gazetteer import Place
from kernel.i18n import translate
from routing.rule_tests import RuleTest
from routing.values import AgencyFacts, LayerKind, Rule

Texts = Mapping[str, str]
EVERY_AREA = "*"


@dataclass(frozen=True)
class Problem:
    """Something wrong in a folder. `text` is the Spanish msgid; `where` is the key inside the file, "" for all of it."""

    level: Literal["error", "warning", "note"]
    file: str
    where: str
    text: str
    params: Mapping[str, object] = field(default_factory=dict)

    def public_text(self, language: str = "es") -> str:
        # What a value should have been is itself a text.
        kind = {"kind": translate(language, str(self.params["kind"]))} if "kind" in self.params else {}
        return translate(language, self.text, **(dict(self.params) | kind))


@dataclass(frozen=True)
class City:
    """`settings` is stored with the jurisdiction as it is: contact, phones, key_service, texts, logo, theme.

    channels: its address on each channel but SMS.
    """

    id: str
    name: str
    timezone: str
    language: str
    sms_number: str | None
    default_agency: str
    default_calendar: str
    settings: Mapping[str, Any]
    duplicates: Mapping[str, Any] = field(default_factory=dict)
    promises: Mapping[str, Any] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attribute:
    """A question; `options` are `{"key", "name": {"es", "en"}}`."""

    code: str
    order: int
    datatype: str
    is_variable: bool
    is_required: bool
    description: Texts
    datatype_description: Texts
    options: Sequence[Mapping[str, Any]]
    is_asset: bool = False
    only_if: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceEntry:
    """One service file; `file` is its path in the folder. `duplicates`: of the service, else of its group, else of the city."""

    file: str
    code: str
    group_code: str
    group_name: Texts
    kind: str
    name: Texts
    description: Texts
    notice: Texts
    keywords: Sequence[str]
    promise: Mapping[str, Any]
    icon: str
    is_emergency: bool
    is_sensitive: bool
    position: int
    attributes: Sequence[Attribute]
    duplicates: Mapping[str, Any] = field(default_factory=dict)
    topics: Sequence[str] = ()
    said_as: Sequence[str] = ()
    first_answer: Mapping[str, Any] = field(default_factory=dict)
    silence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Edition:
    """The areas of a layer as they are from `valid_from` on; `path` is absolute."""

    path: Path
    valid_from: date


@dataclass(frozen=True)
class LayerEntry:
    """A layer of areas or of lines. Without editions it is imported separately, from the official file that `source` names."""

    key: str
    name: Texts
    editions: Sequence[Edition]
    source: str = ""
    kind: LayerKind = "area"


@dataclass(frozen=True)
class CityFolder:
    """Everything a folder says. Rules may still name every area of a layer with `EVERY_AREA`."""

    path: Path
    city: City
    agencies: Sequence[AgencyFacts]
    calendars: Mapping[str, Mapping[str, Any]]
    services: Sequence[ServiceEntry]
    rules: Sequence[Rule]
    rules_text: str
    tests: Sequence[RuleTest]
    layers: Sequence[LayerEntry]
    places: Sequence[Place]
    basemap: Mapping[str, Any]


NamedArea = tuple[str, str, BaseGeometry]  # code, name, EPSG:4326 lon-lat
