"""Reads the numbers outside to which operators may pass a call on."""

from typing import Any

from intake.calls.outside import dialable
from intake.city_folder.tables import Table

MOST, MOST_URGENT = 300, 3
_KEYS = ("name", "number", "words", "urgent")


def read_transfer_numbers(city: Table) -> list[dict[str, Any]]:
    """`[[transfer_numbers]]`: name, number, and perhaps words to look for them by and whether it is urgent."""
    found: list[dict[str, Any]] = []
    for index, raw in enumerate(city.rows("transfer_numbers")):
        table = Table(city.notes, city.file, f"transfer_numbers[{index}]", raw, _KEYS)
        written = table.text("number")
        number = dialable(written)
        if number is None:
            table.wrong(
                "number", "«{number}» no se puede marcar: pon el número completo, con clave del país.", number=written
            )
            continue
        if number in [one["number"] for one in found]:
            table.wrong("number", "El número {number} está repetido.", number=written)
        found.append(
            {
                "number": number,
                "name": dict(table.texts("name")),
                "words": table.words("words"),
                "is_urgent": table.flag("urgent"),
            }
        )
    if len(found) > MOST:
        city.wrong("transfer_numbers", "Caben {most} números.", most=MOST)
    if len([one for one in found if one["is_urgent"]]) > MOST_URGENT:
        city.wrong("transfer_numbers", "Caben {most} números urgentes: cada uno es un botón.", most=MOST_URGENT)
    return found
