"""Rules proposed from history: who answered for what, and whether a place, an answer or a date decided between two agencies.

Per service, one agency is proposed when more than half of the cases are certainly its own (`is_certain`), with exceptions by the
one area layer, answer or day that explains most of the other cases. What is not certain gets no rule and is listed. A proposal is
a draft for people: it says on how many cases it stands and how many of them agree.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from routing.values import Rule

_ALWAYS = date(2000, 1, 1)
# Standard deviations: 95 % of the time.
_Z = 1.96
# A split is worth its rules when it explains this many more cases, and this share of the service's.
_LEAST_GAIN, _LEAST_GAIN_SHARE = 4, 0.005
_FIRST_PRIORITY = 50


@dataclass(frozen=True, slots=True)
class PastCase:
    """One request of the past: its service, who answered, its local day, the area it lies in per layer, and its answers."""

    service_code: str
    agency_code: str
    on: date
    areas: Mapping[str, str]
    answers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LearnedRule:
    """A proposed rule, the cases of its service that it speaks about, and how many of them its agency answered."""

    rule: Rule
    cases: int
    agreeing: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """A service without a proposed rule: too few cases, or no agency that certainly answers for most of them."""

    service_code: str
    cases: int
    agencies: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """A proposed rule set. `default_agency_code` is the agency that answers for most of the undecided cases, else of all."""

    rules: tuple[LearnedRule, ...]
    undecided: tuple[Undecided, ...]
    default_agency_code: str


Kind = Literal["layer", "answer", "day"]


@dataclass(frozen=True, slots=True)
class _Split:
    """What tells agencies apart: the values of a layer or an answer that have an agency of their own, or the day of a change."""

    kind: Kind
    key: str
    gain: int
    exceptions: Mapping[str, tuple[str, ...]]
    day: date | None = None


def is_certain(agreeing: int, cases: int) -> bool:
    """Whether more than half would agree in the long run: the lower end of Wilson's interval at 95 %. 4 of 4 do, 3 of 3 not."""
    if not cases:
        return False
    share = agreeing / cases
    middle = share + _Z * _Z / (2 * cases)
    width = _Z * math.sqrt(share * (1 - share) / cases + _Z * _Z / (4 * cases * cases))
    return (middle - width) / (1 + _Z * _Z / cases) > 0.5


def learn(cases: Iterable[PastCase]) -> Learned:
    """The proposed rules, most specific first, in an order that depends on the cases alone and not on theirs.

    Raises ValueError without a case.
    """
    by_service: dict[str, list[PastCase]] = defaultdict(list)
    for case in cases:
        by_service[case.service_code].append(case)
    if not by_service:
        raise ValueError("no cases to learn from")
    rules: list[LearnedRule] = []
    undecided: list[Undecided] = []
    for service_code in sorted(by_service):
        held = by_service[service_code]
        found = list(_rules_of(service_code, held))
        rules += found
        if not any(learned.rule.layer_key is None and learned.rule.answers is None for learned in found):
            undecided.append(Undecided(service_code, len(held), tuple(_ranked(Counter(c.agency_code for c in held)))))
    open_cases: Counter[str] = Counter()
    for one in undecided:
        open_cases.update(dict(one.agencies))
    everything = Counter(case.agency_code for held in by_service.values() for case in held)
    return Learned(tuple(rules), tuple(undecided), _ranked(open_cases or everything)[0][0])


def _rules_of(service_code: str, cases: Sequence[PastCase]) -> Iterator[LearnedRule]:
    counts = Counter(case.agency_code for case in cases)
    (main, _), *others = _ranked(counts)
    split = _best_split(cases, main) if others else None
    base = Rule(service_code, _FIRST_PRIORITY, main, {}, _ALWAYS, service_code=service_code)
    if split is not None and split.kind == "day" and split.day is not None:
        before, after = split.exceptions["before"][0], split.exceptions["after"][0]
        old = [case for case in cases if case.on < split.day]
        new = [case for case in cases if case.on >= split.day]
        yield _learned(replace(base, code=f"{service_code}-antes", agency_code=before, valid_to=split.day), old)
        yield _learned(replace(base, agency_code=after, valid_from=split.day), new)
        return
    rest = list(cases)
    if split is not None:
        for agency_code in sorted(split.exceptions):
            values = frozenset(split.exceptions[agency_code])
            spoken = [case for case in cases if _value(case, split.kind, split.key) in values]
            rest = [case for case in rest if _value(case, split.kind, split.key) not in values]
            exception = replace(base, code=f"{service_code}-{agency_code}", agency_code=agency_code)
            if split.kind == "layer":
                exception = replace(exception, layer_key=split.key, area_codes=values)
            else:
                exception = replace(exception, answers={split.key: values})
            yield _learned(exception, spoken)
    if is_certain(sum(case.agency_code == main for case in rest), len(rest)):
        yield _learned(base, rest)


def _learned(rule: Rule, cases: Sequence[PastCase]) -> LearnedRule:
    agreeing = sum(case.agency_code == rule.agency_code for case in cases)
    reason = {
        "es": f"Así se atendió en {agreeing} de {len(cases)} casos anteriores.",
        "en": f"So it was in {agreeing} of {len(cases)} past cases.",
    }
    return LearnedRule(replace(rule, reason=reason), len(cases), agreeing)


def _best_split(cases: Sequence[PastCase], main: str) -> _Split | None:
    """The split that explains most cases beyond the main agency's, if it is worth its rules; of equals the first by name."""
    keys: set[tuple[Kind, str]] = {("layer", key) for case in cases for key in case.areas}
    keys |= {("answer", key) for case in cases for key in case.answers}
    found = [_by_value(cases, main, kind, key) for kind, key in sorted(keys)]
    if (by_day := _by_day(cases)) is not None:
        found.append(by_day)
    least = max(_LEAST_GAIN, _LEAST_GAIN_SHARE * len(cases))
    worth = [split for split in found if split.gain >= least]
    return min(worth, key=lambda split: (-split.gain, split.kind, split.key), default=None)


def _by_value(cases: Sequence[PastCase], main: str, kind: Kind, key: str) -> _Split:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        value = _value(case, kind, key)
        if value is not None:
            counts[value][case.agency_code] += 1
    gain = 0
    exceptions: dict[str, list[str]] = defaultdict(list)
    for value in sorted(counts):
        agency_code, agreeing = _ranked(counts[value])[0]
        if agency_code != main and is_certain(agreeing, counts[value].total()):
            exceptions[agency_code].append(value)
            gain += agreeing - counts[value][main]
    return _Split(kind, key, gain, {agency_code: tuple(values) for agency_code, values in exceptions.items()})


def _by_day(cases: Sequence[PastCase]) -> _Split | None:
    """The day on which one agency took over from another, as when an office is renamed."""
    of_day: dict[date, Counter[str]] = defaultdict(Counter)
    for case in cases:
        of_day[case.on][case.agency_code] += 1
    after = Counter(case.agency_code for case in cases)
    alone = max(after.values())
    before: Counter[str] = Counter()
    best: _Split | None = None
    for day in sorted(of_day):
        if before:
            (old, old_count), (new, new_count) = _ranked(before)[0], _ranked(after)[0]
            gain = old_count + new_count - alone
            if (
                old != new
                and (best is None or gain > best.gain)
                and is_certain(old_count, before.total())
                and is_certain(new_count, after.total())
            ):
                best = _Split("day", "", gain, {"before": (old,), "after": (new,)}, day)
        before.update(of_day[day])
        after.subtract(of_day[day])
        after = +after
    return best


def _value(case: PastCase, kind: Kind, key: str) -> str | None:
    return (case.areas if kind == "layer" else case.answers).get(key)


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
