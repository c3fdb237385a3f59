"""How well and how fast first messages are understood. The method in words: docs/understanding.md."""

import csv
import gzip
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from atiende.demo.history import generate
from intake.catalog.definitions import ServiceDefinition
from intake.catalog.matching import match_services
from intake.city_folder.load import import_folder
from intake.city_folder.read import read_folder
from intake.classifier.actions import learn
from intake.classifier.training import Example, evaluate, is_held_back, train
from intake.conversations.dialogue.understanding import Understanding, understand
from tests.benchmarks.open311_floor import CITY
from tests.benchmarks.report import report
from tests.house import ROOT
from tests.intake.conversations.first_messages import Figures, FirstMessage, first_messages, measured
from tests.intake.conversations.talk import context, definition, demo_city

_CATALOGUE = 60
_ROUNDS = 5
_THRESHOLD, _MOST_ROWS = 0.9, 20_000


def _read(text: str) -> Understanding:
    known = context()
    return understand(text, known.match_offered, known.find_places)


@pytest.mark.benchmark
def test_how_well_first_messages_are_understood() -> None:
    lines = [
        f"{'':<34}{'messages':>9}{'reports':>9}{'first':>8}{'of three':>9}{'unasked':>9}{'wrong':>7}"
        f"{'intent':>8}{'danger':>8}{'place':>8}"
    ]
    for language in ("es", "en"):
        for is_held in (False, True):
            asked = [one for one in first_messages() if one.language == language and one.is_held_back == is_held]
            lines.append(_line(f"{language}, {'held back' if is_held else 'tuned on'}", measured(asked, _read)))
    lines.append(_line("written later", measured(first_messages("first_messages_later"), _read)))
    lines.append(_line("sentences of the demo's history", measured(_of_history(), _read)))
    report("understanding", lines)


def _line(name: str, figures: Figures) -> str:
    shares = (figures.first, figures.offered, figures.sure, figures.wrong, figures.intent, figures.emergency)
    widths = (8, 9, 9, 7, 8, 8)
    place = f"{100 * figures.place:>7.1f}%" if figures.place else f"{'-':>8}"
    return (
        f"{name:<34}{figures.messages:>9}{figures.reports:>9}"
        + "".join(f"{100 * share:>{width - 1}.1f}%" for share, width in zip(shares, widths, strict=True))
        + place
    )


def _of_history() -> list[FirstMessage]:
    """What the people of the invented history say, without where and since when; somebody else wrote it."""
    history = tomllib.loads((ROOT / "atiende/demo/history.toml").read_text("utf-8"))
    return [
        FirstMessage(" ".join(re.sub(r"\{\w+\}", " ", phrase).split()), "es", ("report",), (code,), ("",), "")
        for code, told in history["service"].items()
        if code != "OTRO"
        for phrase in told["phrases"]
    ]


@pytest.mark.benchmark
def test_how_fast_a_message_is_understood() -> None:
    services = _sixty()
    messages = [message.text for message in first_messages()]
    match_services(services, "bache")
    begun = time.perf_counter()
    match_services([replace(one, name={**one.name, "es": f"{one.name['es']} x"}) for one in services], "bache")
    compiled = time.perf_counter() - begun
    lines = [f"{_CATALOGUE} services: compiled once for each version in {1000 * compiled:.0f} ms"]
    for name, work in (
        ("services", lambda text: match_services(services, text)),
        (
            "all but looking up the place",
            lambda text: understand(text, lambda said: match_services(services, said), _nowhere),
        ),
        ("all", lambda text: understand(text, lambda said: match_services(services, said), context().find_places)),
    ):
        took = sorted(min(_seconds(work, text) for _ in range(_ROUNDS)) for text in messages)
        middle, most = took[len(took) // 2], took[int(len(took) * 0.99)]
        lines.append(f"{name:<34}{1000 * middle:>8.2f} ms median{1000 * most:>8.2f} ms p99")
        if name == "services":
            assert most < 0.002
    report("understanding-speed", lines)


def _sixty() -> list[ServiceDefinition]:
    """The demo city's services, and those of another city under other codes."""
    folder, problems = read_folder(ROOT / "cities/cdmx")
    assert folder is not None, problems
    others = [definition(entry, folder.city.timezone) for entry in folder.services]
    both = [*demo_city()[0], *(replace(one, code=f"{one.code}-2") for one in others)]
    return both[:_CATALOGUE]


def _nowhere(_: str) -> tuple[()]:
    return ()


def _seconds(work: object, text: str) -> float:
    assert callable(work)
    begun = time.perf_counter()
    work(text)
    return time.perf_counter() - begun


@pytest.mark.benchmark
def test_what_a_classifier_learns(shared_data: Path, session: Session) -> None:
    lines = [f"{'':<44}{'rows':>8}{'services':>10}{'held':>7}{'first':>8}{'of three':>10}{'sure':>8}{'right':>8}"]
    for name, file, said, filed in (
        (
            "New York: descriptor -> complaint type",
            "nyc_311_requests.csv.gz",
            ("descriptor", "location_type"),
            "complaint_type",
        ),
        ("Boston: how it was closed -> reason", "boston_311_2011.csv.gz", ("closure_reason",), "reason"),
    ):
        examples = _real(shared_data / file, said, filed)
        taught = [example for example in examples if not is_held_back(example.text)]
        model = train(taught)
        held = [example for example in examples if is_held_back(example.text) and example.code in model.codes]
        figures = asdict(evaluate(model.predict, held, _THRESHOLD))
        lines.append(_learnt(name, len(taught), len(model.codes), figures))
    now = datetime.now(UTC).replace(microsecond=0)
    import_folder(session, ROOT / "cities/jacaranda", now=now)
    generate(session, CITY, until=now)
    run = learn(session, CITY, rows=30_000, threshold=_THRESHOLD, now=now)
    for who in ("classifier", "matcher", "both"):
        lines.append(_learnt(f"Demo history, {who}", run.rows, run.services, run.figures[who]))
    report("understanding-classifier", lines)


def _learnt(name: str, rows: int, services: int, figures: Mapping[str, Any]) -> str:
    right = figures["right_when_sure"]
    sure = f"{100 * figures['sure']:>7.1f}%" if right is not None else f"{'-':>8}"
    return (
        f"{name:<44}{rows:>8}{services:>10}{figures['rows']:>7}{100 * figures['first']:>7.1f}%"
        f"{100 * figures['of_three']:>9.1f}%{sure}" + (f"{100 * right:>7.1f}%" if right is not None else f"{'-':>8}")
    )


def _real(path: Path, said: Sequence[str], filed: str) -> list[Example]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [Example(" ".join(row[name] for name in said), row[filed]) for row in csv.DictReader(file)]
    return [example for example in rows if len(example.text) > 8 and example.code][:_MOST_ROWS]
