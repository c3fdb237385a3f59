"""`[guards]` of city.toml: when many reports are a burst or a quarrel, and what strangers can make the city send or call."""

from typing import Any

from intake.city_folder.tables import Table

GUARDS = "guards"
# What each may be, from and to. Beyond it is a slip of the keyboard: nothing would ever be found, or everything.
_WHOLE = {
    "burst_people": (3, 1_000),
    "sms_home": (10, 1_000_000),
    "sms_abroad": (0, 100_000),
    "sms_in_a_row": (5, 10_000),
    "sms_in_a_row_abroad": (0, 10_000),
    "address_reports": (3, 100),
    "address_people": (3, 1_000),
    "callbacks_to": (1, 100),
    "callbacks_by": (1, 1_000),
    "callbacks_hidden": (0, 100_000),
    "calls_in_line": (1, 1_000),
}
_TIMES = (1.5, 20.0)


def read_guards(city: Table) -> dict[str, Any]:
    """What the city says otherwise than usual."""
    raw = city.table(GUARDS)
    table = Table(city.notes, city.file, GUARDS, raw, (*_WHOLE, "burst_times"))
    given: dict[str, Any] = {}
    for key, (least, most) in _WHOLE.items():
        if key in raw:
            given[key] = table.number(key, required=False)
            _check(table, key, given[key], least, most)
    if "burst_times" in raw:
        given["burst_times"] = raw["burst_times"]
        _check(table, "burst_times", raw["burst_times"], *_TIMES)
    for row, country in (("sms_in_a_row", "sms_home"), ("sms_in_a_row_abroad", "sms_abroad")):
        if row in given and country in given and given[row] > given[country]:
            table.notes.warning(
                table.file, f"{GUARDS}.{row}", "{row} es más que {country}: nunca se alcanza.", row=row, country=country
            )
    return given


def _check(table: Table, key: str, value: object, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):  # type: ignore[operator]  # is_number
        table.wrong(key, "{key} va de {least} a {most}.", key=key, least=f"{least:g}", most=f"{most:g}")
