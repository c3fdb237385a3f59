"""What a city says about its forecasts: `[forecast]` of city.toml, kept in the jurisdiction's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intake.catalog.models import FORECAST

_STAFF = ("console", "staff")


@dataclass(frozen=True, slots=True)
class ForecastConfig:
    """area_layer: whose areas have numbers of their own. staff_channels: requests that no resident waits for are not counted."""

    area_layer: str = "district"
    staff_channels: tuple[str, ...] = _STAFF
    is_shown: bool = True

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "ForecastConfig":
        """As a jurisdiction's settings have it."""
        said = settings.get(FORECAST) or {}
        return cls(
            area_layer=said.get("area_layer", "district"),
            staff_channels=tuple(said.get("staff_channels", _STAFF)),
            is_shown=said.get("show", True),
        )
