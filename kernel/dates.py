"""Instants as people say them, in the city's zone and the reader's language. Pure; `now` is a parameter."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_DAYS = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip


def day_in_words(at: datetime, timezone: str, language: str = "es", *, now: datetime | None = None) -> str:
    """`viernes 27 de noviembre`, with the year when it is not that of `now`."""
    local = at.astimezone(ZoneInfo(timezone))
    name = _DAYS.get(language, _DAYS["es"])[local.weekday()]
    month = _MONTHS.get(language, _MONTHS["es"])[local.month - 1]
    year = "" if now is None or now.astimezone(ZoneInfo(timezone)).year == local.year else local.year
    if language == "en":
        return f"{name} {local.day} {month}" + (f" {year}" if year else "")
    return f"{name} {local.day} de {month}" + (f" de {year}" if year else "")


def moment_in_words(at: datetime, timezone: str, language: str = "es", *, now: datetime) -> str:
    """`Hoy, 9:50`, `Ayer, 16:02`, `Jueves 19, 13:00`, `27 de agosto, 8:15`, seen from `now`."""
    zone = ZoneInfo(timezone)
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local.hour}:{local.minute:02d}"
    spanish = language != "en"
    if local.date() == today:
        return f"Hoy, {clock}" if spanish else f"Today, {clock}"
    if local.date() == today - timedelta(days=1):
        return f"Ayer, {clock}" if spanish else f"Yesterday, {clock}"
    month = _MONTHS["es" if spanish else "en"][local.month - 1]
    if timedelta(0) < today - local.date() < timedelta(days=7):
        name = _DAYS["es" if spanish else "en"][local.weekday()]
        return f"{name.capitalize()} {local.day}, {clock}"
    year = "" if local.year == today.year else f" de {local.year}" if spanish else f" {local.year}"
    return f"{local.day} de {month}{year}, {clock}" if spanish else f"{local.day} {month}{year}, {clock}"
