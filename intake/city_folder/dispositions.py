"""Reads the answers that operators choose from at the end of a contact."""

from typing import Any

from intake.city_folder.tables import Table
from intake.distribution.dispositions import HINTS

# So that one digit chooses.
MOST = 9
_KEYS = ("code", "name", "groups", "hint")


def read_dispositions(city: Table) -> list[dict[str, Any]]:
    """`[[dispositions]]`: code, name, and perhaps the service groups it is for and what proposes it."""
    found: list[dict[str, Any]] = []
    for index, raw in enumerate(city.rows("dispositions")):
        table = Table(city.notes, city.file, f"dispositions[{index}]", raw, _KEYS)
        code = table.text("code")
        if code in [row["code"] for row in found]:
            table.wrong("code", "La clave {code} está repetida.", code=code)
        found.append(
            {
                "code": code,
                "name": dict(table.texts("name")),
                "groups": table.words("groups"),
                "hint": table.one_of("hint", HINTS) if "hint" in raw else "",
            }
        )
    if len([row for row in found if not row["groups"]]) > MOST:
        city.wrong(
            "dispositions", "Para todos los contactos caben {most} respuestas, para elegir con un número.", most=MOST
        )
    return found
