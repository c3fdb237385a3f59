"""The chain of steps of a city's promises, as `[[promises.steps]]` of its folder says it."""

from collections.abc import Mapping
from typing import Any

from intake.catalog.models import PROMISES
from routing.clocks import DEFAULT_STEPS, Step


def chain_of(settings: Mapping[str, Any]) -> tuple[Step, ...]:
    """The chain of a jurisdiction with these settings; ours where it says nothing."""
    said = (settings.get(PROMISES) or {}).get("steps")
    if not said:
        return DEFAULT_STEPS
    return tuple(
        Step(
            step["code"],
            step["of"],
            step["share"],
            step["name"],
            tuple(step["tells"]),
            frozenset(step.get("services", ())),
        )
        for step in said
    )
