"""Reads what a city promises beside the term of a service: first answer, silence, the chain of steps, and its forecasts."""

from collections.abc import Mapping
from typing import Any

from intake.city_folder.tables import Table
from kernel.errors import InvalidInput
from routing.calendars import Promise
from routing.clocks import SUBJECTS, TOLD

PROMISES = ("first_answer", "silence")
_STEP_KEYS = ("code", "of", "at", "name", "tell", "services")
_FORECAST_KEYS = ("area_layer", "staff_channels", "show")
# Shares of a term that make sense: from a tenth of it to ten times as long.
_LEAST, _MOST = 0.1, 10.0


def read_promise(table: Table, key: str, *, required: bool = False) -> dict[str, Any]:
    """`{ amount = …, unit = … }`; empty when there is none."""
    promise = table.table(key, required=required)
    if promise:
        try:
            Promise.parse(promise)
        except InvalidInput as error:
            table.wrong(key, "{reason}", reason=error.public_text())
    return promise


def read_promises(city: Table) -> tuple[dict[str, Any], dict[str, Any]]:
    """What services promise that say nothing of their own, and the settings of the chain."""
    table = Table(city.notes, city.file, "promises", city.table("promises"), (*PROMISES, "steps"))
    defaults = {key: promise for key in PROMISES if (promise := read_promise(table, key))}
    steps: list[dict[str, Any]] = []
    for index, raw in enumerate(table.rows("steps")):
        steps.append(_step(Table(city.notes, city.file, f"promises.steps[{index}]", raw, _STEP_KEYS)))
    for code in {step["code"] for step in steps}:
        named = [step for step in steps if step["code"] == code]
        if len(named) > 1:
            table.wrong("steps", "La clave {code} está repetida.", code=code)
    return defaults, {"steps": steps} if steps else {}


def _step(table: Table) -> dict[str, Any]:
    share = table.raw.get("at")
    if isinstance(share, bool) or not isinstance(share, int | float) or not _LEAST <= share <= _MOST:
        table.wrong("at", "{key} debe ser un número entre {least} y {most}.", key="at", least=_LEAST, most=_MOST)
        share = 1.0
    tells = table.words("tell") or ["agency"]
    for told in tells:
        if told not in TOLD:
            table.wrong("tell", "{key} es «{value}» y debe ser uno de: {allowed}.", key="tell", value=told,
                        allowed=", ".join(TOLD))  # fmt: skip
    return {
        "code": table.text("code"),
        "of": table.one_of("of", SUBJECTS, default="resolution"),
        "share": float(share),
        "name": dict(table.texts("name")),
        "tells": tells,
        "services": table.words("services"),
    }


def read_forecast(city: Table) -> dict[str, Any]:
    """The settings of `[forecast]`, as `intake.forecasts.config` reads them."""
    table = Table(city.notes, city.file, "forecast", city.table("forecast"), _FORECAST_KEYS)
    read: Mapping[str, Any] = {
        "area_layer": table.text("area_layer", required=False),
        "staff_channels": table.words("staff_channels"),
        "show": table.flag("show", default=True),
    }
    return {key: value for key, value in read.items() if key in table.raw}
