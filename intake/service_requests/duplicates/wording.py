"""Why two may be one, in one line: `mismo servicio, 62 m, 17 h`. Pure."""

from collections.abc import Mapping
from typing import Any

from kernel.i18n import translate


def reason(facts: Mapping[str, Any], language: str, *, for_staff: bool = False) -> str:
    """What speaks for it, strongest first. That it is the same contact is for staff only."""
    said = [translate(language, "mismo servicio") if facts["same_service"] else translate(language, "mismo tema")]
    if facts.get("same_asset"):
        said.insert(0, translate(language, "mismo número de placa o poste"))
    # A number and its unit stay on one line.
    said += [
        words.replace(" ", "\u00a0")
        for words in (translate(language, "{n} m", n=facts["metres"]), span(facts["hours"], language))
    ]
    if facts["alike"] >= 0.4:
        said.append(translate(language, "casi las mismas palabras"))
    if for_staff and facts["same_contact"]:
        said.append(translate(language, "mismo contacto"))
    return ", ".join(said)


def plain_reason(facts: Mapping[str, Any], language: str) -> str:
    """For a resident, who reads the distance and the age beside it."""
    said = [translate(language, "mismo tipo de reporte" if facts["same_service"] else "mismo tema")]
    if facts.get("same_asset"):
        said.insert(0, translate(language, "mismo número de placa o poste"))
    if facts["alike"] >= 0.4:
        said.append(translate(language, "casi las mismas palabras"))
    return ", ".join(said)


def span(hours: float, language: str) -> str:
    """`20 min`, `17 h`, `3 días`."""
    if hours < 1:
        return translate(language, "{n} min", n=max(1, round(hours * 60)))
    if hours < 48:
        return translate(language, "{n} h", n=round(hours))
    return translate(language, "{n} días", n=round(hours / 24))


def ago(hours: float, language: str) -> str:
    """`hace 17 h`."""
    return translate(language, "hace {span}", span=span(hours, language))
