"""A receipt in the words of the person who reads it. Pure: everything comes from the receipt itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kernel.i18n import translate
from routing.receipts import NEAR_BORDER_M


@dataclass(frozen=True, slots=True)
class Explanation:
    """`headline`: who. `tag`: rule and version. `reasons`: why, one sentence each. `runner_up`: who else, and when; may be empty.

    `border_m`: metres to the border that matters, rounded; None without one.
    """

    headline: str
    tag: str
    reasons: tuple[str, ...]
    runner_up: str
    border_m: int | None


def explain(receipt: Mapping[str, Any], language: str = "es") -> Explanation:
    """The receipt in `language`; what has no translation is said in Spanish."""

    def say(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    border = receipt["border"]
    return Explanation(
        headline=_headline(receipt, say),
        tag=_tag(receipt, say),
        reasons=tuple(
            reason
            for reason in (
                _why(receipt, language, say),
                _zone(receipt, language, say),
                _tie(receipt, say),
                _certainty(receipt, language, say),
                _elsewhere(receipt, say),
            )
            if reason
        ),
        runner_up=_runner_up(receipt, language, say),
        border_m=round(border["metres"]) if border else None,
    )


def _in(language: str, texts: Mapping[str, str]) -> str:
    return texts.get(language.split("-")[0]) or texts.get("es") or next(iter(texts.values()), "")


def _headline(receipt: Mapping[str, Any], say: Any) -> str:
    if receipt["outcome"] == "outside":
        return str(say("Fuera de la ciudad"))
    return str(receipt["agency"]["name"])


def _tag(receipt: Mapping[str, Any], say: Any) -> str:
    version = receipt["rule_set_version"]
    if receipt["rule"]:
        return str(say("{rule}, versión {version}", rule=receipt["rule"]["code"], version=version))
    return str(say("Reglas, versión {version}", version=version))


def _why(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    if receipt["outcome"] == "outside":
        return str(say("El punto está fuera de los límites de la ciudad: aquí no le toca a ninguna dependencia."))
    if receipt["rule"]:
        return _sentence(_in(language, receipt["rule"]["reason"]))
    if receipt["point"] is None:
        return str(say("Sin un punto en el mapa no se sabe la zona: la recibe la dependencia general."))
    return str(say("Ninguna regla cubre este servicio en este lugar: la recibe la dependencia general."))


def _zone(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    border = receipt["border"]
    layer = next((layer for layer in receipt["layers"] if border and layer["key"] == border["layer"]), None)
    if layer is None or not layer["areas"] or receipt["outcome"] == "outside":
        return ""
    name = " / ".join(area["name"] for area in layer["areas"])
    since = date.fromisoformat(layer["areas"][0]["valid_from"])
    if name.startswith(_in(language, layer["name"])):  # "Sector hidráulico 4" says its layer already
        return str(say("{name}, límites del {since}.", name=name, since=_day(since, language)))
    return str(
        say(
            "{layer}: {name}, límites del {since}.",
            layer=_in(language, layer["name"]),
            name=name,
            since=_day(since, language),
        )
    )


def _day(day: date, language: str) -> str:
    from babel.dates import format_date  # 0.1 s, only when a receipt is read

    return str(format_date(day, "d MMM y", locale=language.split("-")[0]))


def _tie(receipt: Mapping[str, Any], say: Any) -> str:
    tie = receipt.get("tie")
    if not tie:
        return ""
    rules = ", ".join(tie["rules"])
    if tie["broken_by"] == "smallest_area":
        return str(say("Coinciden varias reglas ({rules}): ganó la de la zona más pequeña.", rules=rules))
    return str(say("Coinciden varias reglas ({rules}): ganó la primera por su clave.", rules=rules))


def _certainty(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    point, border = receipt["point"], receipt["border"]
    if point is None or border is None:
        return ""
    metres, precision = border["metres"], point["precision_m"]
    far = {"metres": _metres(metres, language)}
    if precision is None:
        return str(say("Hay un límite a {metres}.", **far))
    far["precision"] = _metres(precision, language)
    if metres > max(precision, NEAR_BORDER_M):
        return str(say("El punto es seguro: ±{precision}, y el límite está a {metres}.", **far))
    if metres > precision:
        return str(say("El punto está cerca de un límite: a {metres}, con un error de ±{precision}.", **far))
    return str(say("El punto no es seguro: su error es de ±{precision} y el límite está a {metres}.", **far))


def _metres(metres: float, language: str) -> str:
    if metres < 1000:
        return f"{round(metres)} m"
    return f"{metres / 1000:.1f} km"


def _elsewhere(receipt: Mapping[str, Any], say: Any) -> str:
    other = receipt.get("elsewhere")
    if not other:
        return ""
    if other["metres"] == 0:
        return str(say("El punto está en {name}.", name=other["name"]))
    return str(say("Lo más cercano es {name}.", name=other["name"]))


def _runner_up(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    second = receipt["runner_up"]
    if not second:
        return _same_beyond(receipt, say)
    agency, when = second["agency"]["name"], second["when"]
    if when["kind"] == "border":
        return str(
            say(
                "{agency}, si el punto está del otro lado del límite, a {metres}.",
                agency=agency,
                metres=_metres(when["metres"], language),
            )
        )
    return str(say("{agency}, si no aplica la regla {rule}.", agency=agency, rule=receipt["rule"]["code"]))


def _same_beyond(receipt: Mapping[str, Any], say: Any) -> str:
    border = receipt["border"]
    if not border or not border["neighbour"] or receipt["outcome"] == "outside":
        return ""
    name = border["neighbour"]["name"]
    return str(say("Del otro lado del límite, en {name}, le toca a la misma dependencia.", name=name))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
