"""Rules as a person writes them in the console: the text of a `rules.toml`, with every mistake at its line."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from intake.city_folder.rules import FILE, read_rules
from intake.city_folder.tables import ENDS_HALFWAY, Notes
from intake.city_folder.values import Problem
from routing.conditions import WEEKDAYS, Hours
from routing.values import Rule

_HEADER = re.compile(r"^\s*\[\[\s*rule\s*\]\]")
_PLACE = re.compile(r"^rule\[(\d+)\](?:\.([^.\[]+))?")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A problem of the text; `line` counts from 1."""

    line: int
    problem: Problem

    def public_text(self, language: str) -> str:
        return self.problem.public_text(language)


def read(text: str) -> tuple[Sequence[Rule], list[Mistake]]:
    """The rules, and what is wrong with the text, by line; with a mistake the rules may be incomplete."""
    notes = Notes()
    with tempfile.TemporaryDirectory(prefix="atiende-rules-") as folder:
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        rules = read_rules(notes, Path(folder))
    lines = text.splitlines()
    wrong = [Mistake(_line(lines, found), found) for found in notes.problems if found.level == "error"]
    return rules, sorted(wrong, key=lambda mistake: mistake.line)


def _line(lines: Sequence[str], problem: Problem) -> int:
    last = max(len(lines), 1)
    if isinstance(problem.params.get("line"), int):
        return min(int(str(problem.params["line"])), last)
    place = _PLACE.match(problem.where)
    if not place:
        return last if problem.text == ENDS_HALFWAY else 1
    starts = [number for number, line in enumerate(lines, start=1) if _HEADER.match(line)]
    index = int(place[1])
    if index >= len(starts):
        return 1
    start, end = starts[index], (starts[index + 1] if index + 1 < len(starts) else len(lines) + 1)
    key = place[2]
    for number in range(start, end):
        if key and re.match(rf"\s*(\[\s*rule\s*\.\s*)?{re.escape(key)}\b", lines[number - 1]):
            return number
    return start


def write(rules: Iterable[Rule]) -> str:
    """Rules as text, one row each, for a set that does not keep what it was read from; `read` gives the same rules back."""
    return "\n".join("\n".join(_row(rule)) + "\n" for rule in rules)


def _row(rule: Rule) -> Iterator[str]:
    yield "[[rule]]"
    yield f"code = {_quoted(rule.code)}"
    yield f"priority = {rule.priority}"
    for key, value in (("service", rule.service_code), ("group", rule.service_group), ("layer", rule.layer_key)):
        if value is not None:
            yield f"{key} = {_quoted(value)}"
    if rule.area_codes is not None:
        yield f"areas = {_listed(rule.area_codes)}"
    if rule.tolerance_m is not None:
        yield (
            f"tolerance_m = {rule.tolerance_m:g}"
            if rule.tolerance_m % 1 == 0
            else f"tolerance_m = {rule.tolerance_m!r}"
        )
    if rule.answers is not None:
        asked = (f"{_key(code)} = {_listed(accepted)}" for code, accepted in sorted(rule.answers.items()))
        yield f"answers = {{ {', '.join(asked)} }}"
    if rule.hours is not None:
        yield f"hours = [{', '.join(_hours(block) for block in rule.hours)}]"
    yield f"agency = {_quoted(rule.agency_code)}"
    if rule.capacity is not None:
        limit, other = rule.capacity.open_limit, rule.capacity.fallback_agency_code
        yield f"capacity = {{ open_limit = {limit}, agency = {_quoted(other)} }}"
    yield f"valid_from = {rule.valid_from.isoformat()}"
    if rule.valid_to is not None:
        yield f"valid_to = {rule.valid_to.isoformat()}"
    for name, texts in (("reason", rule.reason), ("question", rule.question)):
        if texts is not None:
            yield f"[rule.{name}]"
            yield from (f"{_key(language)} = {_quoted(said)}" for language, said in texts.items())


def _hours(block: Hours) -> str:
    told = block.as_json()
    days = "" if block.days == frozenset(WEEKDAYS) else f"days = [{', '.join(map(_quoted, told['days']))}], "
    return f"{{ {days}from = {_quoted(told['from'])}, to = {_quoted(told['to'])} }}"


def _listed(values: Iterable[str]) -> str:
    return f"[{', '.join(_quoted(value) for value in sorted(values))}]"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(value: str) -> str:
    # A JSON string is a basic string of TOML, but for one letter that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
