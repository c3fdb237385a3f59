"""Learned rules as a rule set that can be tried: against cases held back, and as the text of a rules.toml for people to read."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import shapely

from georef.boundaries import Area
from routing.calendars import WorkingCalendar
from routing.conditions import Case
from routing.decide import RuleBook, choose
from routing.learning import Learned, LearnedRule, PastCase
from routing.values import AgencyFacts, Rule

# Learned rules promise no date; a calendar is only what a rule book must have.
_ANY_CALENDAR = {"timezone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many cases there were, how many a learned rule spoke about, and how many of each had the agency on record."""

    cases: int
    right: int
    ruled: int
    ruled_right: int


def book_of(learned: Learned) -> RuleBook:
    """The proposed rules as the router applies them."""
    rules = tuple(one.rule for one in learned.rules)
    codes = {learned.default_agency_code, *(rule.agency_code for rule in rules)}
    return RuleBook(
        jurisdiction_id="",
        version=0,
        default_agency_code=learned.default_agency_code,
        agencies={code: AgencyFacts(code, code) for code in sorted(codes)},
        calendars={"default": WorkingCalendar(_ANY_CALENDAR)},
        rules=rules,
    )


def agreement(learned: Learned, cases: Iterable[PastCase]) -> Agreement:
    """How often the proposed rules, applied by the router itself, name the agency on record."""
    book = book_of(learned)
    total = right = ruled = ruled_right = 0
    for case in cases:
        choice = choose(book, case.service_code, "", case.on, _areas(case.areas), case=Case(answers=dict(case.answers)))
        total += 1
        agrees = choice.agency_code == case.agency_code
        right += agrees
        if choice.match is not None:
            ruled += 1
            ruled_right += agrees
    return Agreement(total, right, ruled, ruled_right)


def _areas(codes: Mapping[str, str]) -> dict[str, tuple[Area, ...]]:
    # Rules of one service name different areas, so that no tie ever asks how large one is.
    return {key: (Area(code, code, shapely.Point(), date.min),) for key, code in codes.items()}


def as_toml(learned: Learned) -> str:
    """The proposal as a rules.toml (docs/add-a-city.md), with the services that were left undecided as comments at its end."""
    return "\n".join(_lines(learned)) + "\n"


def _lines(learned: Learned) -> Iterator[str]:
    yield "# Propuesta hecha con casos anteriores: léela antes de publicarla. / Made from past cases: read it before you publish."
    yield f"# Dependencia por omisión / default agency: {_comment(learned.default_agency_code)}"
    for one in learned.rules:
        yield from ("", *_rule_lines(one))
    if learned.undecided:
        yield ""
        yield "# Sin regla: pocos casos, o ninguna con mayoría clara. / No rule: too few cases, or no clear majority."
    for service in learned.undecided:
        agencies = ", ".join(f"{code} {count}" for code, count in service.agencies[:5])
        yield f"#   {_comment(service.service_code)}: {_comment(agencies)}"


def _rule_lines(one: LearnedRule) -> Iterator[str]:
    rule: Rule = one.rule
    yield f"# {one.agreeing} / {one.cases}"
    yield "[[rule]]"
    yield f"code = {_text(rule.code)}"
    yield f"priority = {rule.priority}"
    if rule.service_code is not None:
        yield f"service = {_text(rule.service_code)}"
    if rule.layer_key is not None:
        yield f"layer = {_text(rule.layer_key)}"
        yield f"areas = {_texts(rule.area_codes or ())}"
    yield f"agency = {_text(rule.agency_code)}"
    yield f"valid_from = {rule.valid_from.isoformat()}"
    if rule.valid_to is not None:
        yield f"valid_to = {rule.valid_to.isoformat()}"
    if rule.answers is not None:
        yield "[rule.answers]"
        yield from (f"{_text(code)} = {_texts(values)}" for code, values in sorted(rule.answers.items()))
    yield "[rule.reason]"
    yield from (f"{language} = {_text(reason)}" for language, reason in sorted(rule.reason.items(), reverse=True))


def _text(value: str) -> str:
    # A JSON string is a TOML one, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(values: Iterable[str]) -> str:
    return "[" + ", ".join(_text(value) for value in sorted(values)) + "]"


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
