"""Past requests of the demo city: invented, but routed by the real rules, with seasons, delays, protests and duplicates.

The same seed gives the same story; folios come from the real sequence. Nothing is recorded in the outbox: nobody is told about
what happened before the demo began.
"""

import random
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from atiende.demo.lives import Life, live
from atiende.demo.rows import Rows
from atiende.demo.spots import Spots
from atiende.demo.told import phrase
from intake.catalog import queries as catalog
from intake.catalog.definitions import AttributeDefinition, ServiceDefinition
from intake.people.actions import find_or_create
from intake.people.models import ContactPoint
from routing import queries as routing
from routing import receipts
from routing.situation import Question
from routing.values import RoutingDecision

_PHRASES = Path(__file__).with_name("history.toml")
_CHANNELS = {"phone": 36, "whatsapp": 20, "sms": 16, "web": 14, "open311": 6, "counter": 5, "telegram": 3}
_WITH_CONTACT = frozenset({"phone", "whatsapp", "sms", "telegram"})
_NEIGHBOURS = 90
# By month, January first. Water runs short before the rains; trees fall and holes open in them.
_SEASONS = {
    "dry": (1.1, 1.3, 1.5, 1.6, 1.3, 0.9, 0.7, 0.65, 0.65, 0.8, 0.95, 1.0),
    "rain": (0.5, 0.5, 0.55, 0.7, 1.1, 1.6, 1.8, 1.8, 1.7, 1.2, 0.7, 0.55),
    "dark": (1.2, 1.1, 1.0, 0.9, 0.85, 0.85, 0.85, 0.9, 1.0, 1.1, 1.2, 1.25),
    "flat": (1.0,) * 12,
}
_HOURS = (1, 1, 1, 1, 1, 2, 5, 12, 20, 26, 28, 26, 22, 18, 16, 17, 20, 24, 26, 22, 16, 10, 5, 2)
_WEEKDAYS = (1.15, 1.1, 1.05, 1.0, 1.0, 0.7, 0.5)
_STORM_SHARE = 0.02
_STORM_SERVICES = ("ARBOL_CAIDO", "DRENAJE_TAPADO", "ARBOL_RIESGO", "SEMAFORO", "CABLES", "COLADERA")
_LAST_HOURS = 40
_RECENT = 0.011


def generate(
    session: Session, jurisdiction_id: str, *, count: int = 2000, until: datetime, months: int = 18, seed: int = 311
) -> int:
    """Writes `count` requests of the `months` before `until`, and returns how many. Raises NotFound for an unknown city."""
    chance = random.Random(f"{jurisdiction_id}-{seed}")  # noqa: S311  # a story, not a secret
    words = tomllib.loads(_PHRASES.read_text(encoding="utf-8"))
    known = catalog.catalog(session, jurisdiction_id)
    told: dict[str, Mapping[str, Any]] = {
        code: told for code, told in words["service"].items() if code in known.by_code
    }
    city = routing.city(session, jurisdiction_id)
    spots = Spots(session, jurisdiction_id)
    contacts = _contacts(session, jurisdiction_id, until, chance)
    rows = Rows(session, jurisdiction_id, count, chance, known.timezone)
    for start, code in _calendar(chance, told, count, until, months, known.timezone):
        definition = known.by_code[code]
        spot = spots.choose(chance)
        question = Question(
            definition.code, definition.group_code, definition.promise, spot.point, spot.precision_m, start
        )
        decision = receipts.decide(
            city.rules.at(start), city.layers, question, routing.find_elsewhere(city, spot.point, start)
        )
        story = _story(chance, decision, start, until, told[code], words)
        channel = chance.choices(list(_CHANNELS), list(_CHANNELS.values()))[0]
        rows.add(
            definition,
            spot,
            decision,
            story,
            start=start,
            channel=channel,
            description=phrase(chance, chance.choice(told[code]["phrases"]), words, spot),
            attributes=_answers(chance, definition, start),
            contact=chance.choice(contacts) if channel in _WITH_CONTACT and chance.random() < 0.85 else None,
            others=_others(chance, story, start, until, words),
            until=until,
        )
    rows.write()
    return count


def _contacts(session: Session, jurisdiction_id: str, until: datetime, chance: random.Random) -> list[ContactPoint]:
    """Invented neighbours; their numbers begin with 55 0000, which nobody has."""
    numbers = chance.sample(range(1000, 9999), _NEIGHBOURS)
    return [find_or_create(session, jurisdiction_id, "phone", f"+525500 00{n}", now=until) for n in numbers]


def _calendar(
    chance: random.Random,
    told: Mapping[str, Mapping[str, Any]],
    count: int,
    until: datetime,
    months: int,
    zone: ZoneInfo,
) -> list[tuple[datetime, str]]:
    """(instant, service code) of every request, oldest first."""
    days = round(months * 30.44)
    first = until - timedelta(days=days)
    weights = []
    for day in range(days):
        at = (first + timedelta(days=day)).astimezone(zone)
        season = sum(t["share"] * _SEASONS[t["season"]][at.month - 1] for t in told.values())
        weights.append(season * _WEEKDAYS[at.weekday()] * (1 + 0.35 * day / days))
    storm = max(range(days), key=lambda day: (_is_september(first, day, zone), day % 7 == 3))
    found: list[tuple[datetime, str]] = []
    for index in range(count):
        if index < count * _RECENT:
            at = until - timedelta(hours=chance.uniform(0.2, _LAST_HOURS))
        elif index < count * (_RECENT + _STORM_SHARE):
            at = first + timedelta(days=storm, hours=chance.uniform(0, 20))
            codes = [code for code in _STORM_SERVICES if code in told]
            found.append((_rounded(min(at, until - timedelta(minutes=5))), chance.choice(codes)))
            continue
        else:
            at = _hour(chance, first + timedelta(days=chance.choices(range(days), weights)[0]), zone)
        at = _rounded(min(at, until - timedelta(minutes=5)))
        month = at.astimezone(zone).month - 1
        parts = [t["share"] * _SEASONS[t["season"]][month] for t in told.values()]
        found.append((at, chance.choices(list(told), parts)[0]))
    return sorted(found)


def _is_september(first: datetime, day: int, zone: ZoneInfo) -> bool:
    at = (first + timedelta(days=day)).astimezone(zone)
    return at.month == 9 and 8 <= at.day <= 14


def _hour(chance: random.Random, day: datetime, zone: ZoneInfo) -> datetime:
    local = day.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = chance.choices(range(24), _HOURS)[0]
    return (local + timedelta(hours=hour, minutes=chance.uniform(0, 60))).astimezone(day.tzinfo)


def _rounded(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _story(
    chance: random.Random,
    decision: RoutingDecision,
    start: datetime,
    until: datetime,
    told: Mapping[str, Any],
    words: Mapping[str, Any],
) -> Life:
    if decision.outcome == "outside":
        return Life((), "closed", "outside_jurisdiction", start, "none", "Ese lugar está fuera de la ciudad.")
    return live(chance, start, decision.due_at or start + timedelta(days=20), until, told["notes"], words)


def _others(
    chance: random.Random, story: Life, start: datetime, until: datetime, words: Mapping[str, Any]
) -> list[tuple[datetime, str, str]]:
    """(instant, channel, words) of people who reported the same thing before it was closed."""
    if chance.random() > 0.08 or story.handover == "none":
        return []
    end = story.closed_at or until
    found = []
    for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
        at = _rounded(start + (end - start) * chance.uniform(0.05, 0.6))
        found.append((at, chance.choice(("web", "sms", "phone")), chance.choice(words["again"])))
    return sorted(found)


def _answers(chance: random.Random, definition: ServiceDefinition, start: datetime) -> dict[str, str | list[str]]:
    answers: dict[str, str | list[str]] = {}
    for attribute in definition.attributes:
        if attribute.is_variable and (attribute.is_required or chance.random() < 0.45):
            answers[attribute.code] = _answer(chance, attribute, start)
    return answers


def _answer(chance: random.Random, attribute: AttributeDefinition, start: datetime) -> str | list[str]:
    keys = [option.key for option in attribute.options]
    if attribute.datatype == "singlevaluelist":
        return chance.choice(keys)
    if attribute.datatype == "multivaluelist":
        return chance.sample(keys, chance.randint(1, min(2, len(keys))))
    if attribute.datatype == "number":
        return str(chance.choice((1, 2, 3, 4, 5, 8, 12)))
    if attribute.datatype == "datetime":
        return (start - timedelta(days=chance.randint(1, 9))).isoformat(timespec="seconds")
    return chance.choice(("No sé", "Entre la tienda y la escuela", "Todo el día", "Del lado derecho"))
