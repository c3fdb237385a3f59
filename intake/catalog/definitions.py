"""The catalogue as values: what a service is and asks, in every language. Nothing here reads the database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from routing.clocks import DEFAULT_STEPS, Step

Texts = Mapping[str, str]

LIST_DATATYPES = frozenset({"singlevaluelist", "multivaluelist"})


def text_in(texts: Texts, language: str) -> str:
    """The text in `language`, else in Spanish, else in any language there is; "" when there is none."""
    return texts.get(language) or texts.get("es") or next(iter(texts.values()), "")


def city_text(settings: Mapping[str, Any], key: str, language: str) -> str:
    """What the city says in its own words (`[texts.<key>]` of its folder); "" when it leaves that to us."""
    return text_in(settings.get("texts", {}).get(key, {}), language)


def emergency_phone(settings: Mapping[str, Any]) -> str:
    """Whom to call when somebody is in danger: not us. Every country has one, and a city that names none has Mexico's."""
    return str(settings.get("emergency_phone") or "911")


def women_phone(settings: Mapping[str, Any]) -> str:
    """The line for women who suffer violence; "" in a city that names none."""
    return str(settings.get("women_phone") or "")


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a list question: `key` is what a client sends, `name` what people read."""

    key: str
    name: Texts


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """One question. `is_variable` false: a text to show, never an input, so never required and never validated.

    `is_asset`: the answer names the thing itself (a pole, a hydrant), so that the same answer means the same thing.
    `only_if`: the keys of earlier list questions' options, by code, of which one must be the answer to each.
    """

    code: str
    datatype: str
    is_variable: bool
    is_required: bool
    position: int
    description: Texts
    datatype_description: Texts
    options: tuple[Option, ...] = ()
    is_asset: bool = False
    only_if: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _values(answer: Any) -> frozenset[str]:
    return frozenset((answer,)) if isinstance(answer, str) else frozenset(answer or ())


@dataclass(frozen=True, slots=True)
class DuplicateRules:
    """When two reports of a service may be one. radius_m: how far apart; closed_days: how long a closed one may still be it.

    `is_offered` false: residents are never asked, only staff see what may be the same.
    """

    radius_m: float = 100.0
    closed_days: int = 14
    is_offered: bool = True

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "DuplicateRules":
        """From what a city folder says (`duplicates` of the service, its group or the city); the rest is our default."""
        names = {"radius_m": "radius_m", "closed_days": "closed_days", "offer": "is_offered"}
        return cls(**{names[key]: value for key, value in values.items() if key in names})


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A service and its questions in order. `timezone` is the city's: the zone of a date that names none.

    topics, said_as: by which other words it is found (docs/understanding.md); no client is told them.
    """

    id: UUID
    jurisdiction_id: str
    code: str
    name: Texts
    description: Texts
    kind: str
    group_code: str
    group_name: Texts
    keywords: tuple[str, ...]
    promise: Mapping[str, Any]
    notice: Texts
    icon: str
    is_emergency: bool
    is_sensitive: bool
    position: int
    timezone: ZoneInfo
    attributes: tuple[AttributeDefinition, ...] = ()
    duplicates: DuplicateRules = DuplicateRules()
    first_answer: Mapping[str, Any] | None = None
    silence: Mapping[str, Any] | None = None
    promise_version: int = 1
    steps: tuple[Step, ...] = DEFAULT_STEPS
    topics: tuple[str, ...] = ()
    said_as: tuple[str, ...] = ()

    @property
    def terms_content(self) -> dict[str, Any]:
        """What the service promises, by subject, as `routing.clocks.Terms` reads it; what it does not promise is left out."""
        said = {"resolution": self.promise, "first_answer": self.first_answer, "silence": self.silence}
        return {subject: dict(promise) for subject, promise in said.items() if promise}

    def asked(self, answers: Mapping[str, Any]) -> Iterator[AttributeDefinition]:
        """The questions that apply, in order. answers: what is known of them by code, a value or a list of values.

        What hangs on a question that does not apply does not apply either.
        """
        applies: set[str] = set()
        for attribute in self.attributes:
            if attribute.is_variable and all(
                code in applies and accepted & _values(answers.get(code))
                for code, accepted in attribute.only_if.items()
            ):
                applies.add(attribute.code)
                yield attribute

    @property
    def has_metadata(self) -> bool:
        """True when there is anything to show or ask: a client that is told so will fetch the definition."""
        return bool(self.attributes)

    @property
    def is_public(self) -> bool:
        """False for requests that no public list may hold: sensitive matters, and services that promise no id."""
        return not self.is_sensitive and self.kind != "blackbox"
