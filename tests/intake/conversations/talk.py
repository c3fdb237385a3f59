"""Talking to the dialogue of the demo city without a database: its folder, read once."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from georef.gazetteer import Gazetteer
from georef.gazetteer import Place as NamedPlace
from georef.points import LonLat
from intake.catalog.definitions import AttributeDefinition, Option, ServiceDefinition
from intake.catalog.matching import match_services
from intake.city_folder.layers import read_edition
from intake.city_folder.read import read_folder
from intake.city_folder.values import NamedArea, ServiceEntry
from intake.conversations import wording
from intake.conversations.dialogue.next_step import next_step
from intake.conversations.dialogue.state import DialogueState, Place
from intake.conversations.dialogue.steps import DialogueContext, Step, Told
from intake.conversations.placing import find_places

FOLDER = Path(__file__).resolve().parents[3] / "cities" / "jacaranda"
_NAMED = ("district", "colonia")
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


def definition(entry: ServiceEntry, timezone: str) -> ServiceDefinition:
    attributes = tuple(
        AttributeDefinition(
            asked.code,
            asked.datatype,
            asked.is_variable,
            asked.is_required,
            asked.order,
            asked.description,
            asked.datatype_description,
            tuple(Option(option["key"], option["name"]) for option in asked.options),
            only_if={code: frozenset(accepted) for code, accepted in asked.only_if.items()},
        )
        for asked in entry.attributes
    )
    return ServiceDefinition(
        id=uuid4(),
        jurisdiction_id="jacaranda",
        code=entry.code,
        name=entry.name,
        description=entry.description,
        kind=entry.kind,
        group_code=entry.group_code,
        group_name=entry.group_name,
        keywords=tuple(entry.keywords),
        topics=tuple(entry.topics),
        said_as=tuple(entry.said_as),
        promise=entry.promise,
        notice=entry.notice,
        icon=entry.icon,
        is_emergency=entry.is_emergency,
        is_sensitive=entry.is_sensitive,
        position=entry.position,
        timezone=ZoneInfo(timezone),
        attributes=attributes,
    )


def area_places(layers: Mapping[str, Sequence[NamedArea]]) -> Iterator[NamedPlace]:
    """The districts and colonias by name, each as wide as a circle of its size."""
    for key, areas in layers.items():
        for _, name, shape in areas:
            inside = shape.representative_point()
            homes = [home for _, home, ground in layers["district"] if key == "colonia" and ground.contains(inside)]
            radius_m = math.sqrt(shape.area * math.cos(math.radians(inside.y)) / math.pi) * 111_320
            yield NamedPlace(key, name, LonLat(inside.x, inside.y), round(radius_m), (), ", ".join(homes[:1]))


@cache
def demo_city() -> tuple[tuple[ServiceDefinition, ...], Gazetteer]:
    folder, problems = read_folder(FOLDER)
    assert folder is not None, problems
    areas = {layer.key: read_edition(layer.editions[0]) for layer in folder.layers if layer.key in _NAMED}
    services = tuple(definition(entry, folder.city.timezone) for entry in folder.services)
    return services, Gazetteer([*folder.places, *area_places(areas)])


def context(
    now: datetime = NOW, *, media_count: int = 0, told: Told | None = None, shared: Place | None = None
) -> DialogueContext:
    services, gazetteer = demo_city()
    return DialogueContext(
        now=now,
        services={service.code: service for service in services},
        match_services=lambda text: match_services(services, text, 6),
        find_places=lambda words: find_places(gazetteer, words),
        city="Ciudad Jacaranda",
        media_count=media_count,
        told=told,
        women_phone="55 0000 0765",
        shared=shared,
    )


class Talk:
    """One resident and the dialogue; `keys` are the texts of the last answer."""

    def __init__(self, state: DialogueState | None = None) -> None:
        self.state = state or DialogueState()
        self.now = NOW
        self.step: Step = Step(self.state)

    def say(
        self,
        text: str,
        *,
        after: timedelta = timedelta(seconds=30),
        media: int = 0,
        told: Told | None = None,
        shared: Place | None = None,
    ) -> "Talk":
        self.now += after
        # What is remembered is what the database would give back.
        self.state = DialogueState.from_json(self.state.to_json())
        self.step = next_step(self.state, text, context(self.now, media_count=media, told=told, shared=shared))
        self.state = self.step.state
        return self

    @property
    def keys(self) -> list[str]:
        return [text.key for text in self.step.texts]

    @property
    def bodies(self) -> list[str]:
        language = self.state.language
        return [wording.say(language, "dialogue", text.key, emergency="911", **text.params) for text in self.step.texts]
