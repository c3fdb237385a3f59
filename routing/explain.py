"""A receipt in the words of the person who reads it. Pure: everything comes from the receipt itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from georef.distances import in_words
from kernel.i18n import translate
from routing.certainty import certainty
from routing.conditions import WEEKDAYS


@dataclass(frozen=True, slots=True)
class Explanation:
    """`headline`: who. `tag`: rule and version. `reasons`: why, one sentence each. `runner_up`: who else, and when; may be empty.

    `border_m`: metres to the border that matters, rounded; None without one. `sentence`: all that a resident needs; `plain`: what
    a resident reads who asks for more, without the router's own numbers and names. `question` and `replies` (what each means)
    are of a border case; empty without one. `doubt`: the one of the reasons that says the point may be on the other side; empty
    when none does.
    """

    headline: str
    tag: str
    reasons: tuple[str, ...]
    runner_up: str
    border_m: int | None
    sentence: str = ""
    question: str = ""
    replies: tuple[str, ...] = ()
    doubt: str = ""
    plain: tuple[str, ...] = ()


def explain(receipt: Mapping[str, Any], language: str = "es") -> Explanation:
    """The receipt in `language`; what has no translation is said in Spanish."""

    def say(msgid: str, **params: object) -> str:
        return translate(language, msgid, **params)

    border = receipt["border"]
    how_sure, is_sure = certainty(receipt, say)
    return Explanation(
        headline=_headline(receipt, say),
        tag=_tag(receipt, say),
        reasons=tuple(
            reason
            for reason in (
                _why(receipt, language, say),
                _full(receipt, say),
                _line(receipt, say),
                _answers(receipt, say),
                _hours(receipt, language, say),
                _settled(receipt, language, say),
                _zone(receipt, language, say),
                _tie(receipt, say),
                how_sure,
                _elsewhere(receipt, say),
                _instead(receipt, say),
            )
            if reason
        ),
        runner_up=_runner_up(receipt, say),
        border_m=round(border["metres"]) if border else None,
        sentence=_full(receipt, say) or _elsewhere(receipt, say) or _why_plainly(receipt, language, say),
        question=_in(language, receipt["border_case"]["question"]) if receipt.get("border_case") else "",
        replies=_replies(receipt, language, say),
        doubt="" if is_sure else how_sure,
        plain=tuple(
            reason
            for reason in (
                _full(receipt, say),
                _why_plainly(receipt, language, say),
                _settled(receipt, language, say),
                _where_plainly(receipt, language, say),
                _elsewhere(receipt, say),
            )
            if reason
        ),
    )


def _instead(receipt: Mapping[str, Any], say: Any) -> str:
    told = receipt.get("instead_of")
    if not told:
        return ""
    return str(
        say(
            "Decidió la versión {used} de las reglas, porque la {version} falló.",
            used=receipt["rule_set_version"],
            version=told["rule_set_version"],
        )
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


def _why_plainly(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    if receipt["outcome"] == "outside":
        return str(say("Ese lugar está fuera de la ciudad."))
    if receipt["rule"]:
        return _why(receipt, language, say)
    agency = receipt["agency"]["name"]
    if receipt["point"] is None:
        return str(say("Como no sabemos el punto exacto, primero lo revisa {agency}.", agency=agency))
    return str(say("Primero lo revisa {agency}, y si no le toca se lo pasa a quien sí.", agency=agency))


def _where_plainly(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    """The road or the area that the place is in, unless that was asked and is said already."""
    line = (receipt["rule"] or {}).get("line")
    if line:
        return (
            "" if line["layer"] in (receipt.get("settled") or {}) else str(say("Está sobre {name}.", name=line["name"]))
        )
    border = receipt["border"]
    layer = next((layer for layer in receipt["layers"] if border and layer["key"] == border["layer"]), None)
    if layer is None or not layer["areas"] or layer["key"] in (receipt.get("settled") or {}):
        return ""
    if receipt["outcome"] == "outside":
        return ""
    return str(say("Está en {name}.", name=" / ".join(area["name"] for area in layer["areas"])))


def _full(receipt: Mapping[str, Any], say: Any) -> str:
    capacity = (receipt["rule"] or {}).get("capacity")
    if not capacity or not capacity["is_full"]:
        return ""
    return str(
        say(
            "{agency} tiene {open} solicitudes abiertas y puede con {limit}: la atiende {other}.",
            agency=capacity["agency"]["name"],
            open=capacity["open"],
            limit=capacity["limit"],
            other=receipt["agency"]["name"],
        )
    )


def _line(receipt: Mapping[str, Any], say: Any) -> str:
    line = (receipt["rule"] or {}).get("line")
    if not line or (line["metres"] > line["tolerance_m"] and line["layer"] in (receipt.get("settled") or {})):
        return ""
    return str(
        say(
            "El punto está a {metres} del eje de {name}: la regla cuenta hasta {tolerance}.",
            metres=in_words(line["metres"]),
            name=line["name"],
            tolerance=in_words(line["tolerance_m"]),
        )
    )


def _answers(receipt: Mapping[str, Any], say: Any) -> str:
    asked = (receipt["rule"] or {}).get("answers")
    if not asked:
        return ""
    given = receipt["answers"]
    told = "; ".join(f"{code}: {_listed(given[code])}" for code in asked if code in given)
    return str(say("La regla aplica por lo que se respondió ({answers}).", answers=told))


def _listed(answer: Any) -> str:
    return ", ".join(answer) if isinstance(answer, list) else str(answer)


def _hours(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    blocks = (receipt["rule"] or {}).get("hours")
    if not blocks:
        return ""
    told = "; ".join(_block(block, language, say) for block in blocks)
    return str(say("La regla aplica por la hora, {time} ({hours}).", time=receipt["local_time"][-5:], hours=told))


def _block(block: Mapping[str, Any], language: str, say: Any) -> str:
    from babel.dates import get_day_names  # 0.1 s, only when a receipt is read

    names = get_day_names("abbreviated", locale=language.split("-")[0])
    days = ", ".join(names[WEEKDAYS.index(day)] for day in block["days"])
    span = say("de {start} a {end}", start=block["from"], end=block["to"])
    return str(span) if len(block["days"]) == len(WEEKDAYS) else f"{days} {span}"


def _settled(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    settled = receipt.get("settled")
    if not settled:
        return ""
    named = [area["name"] for layer in receipt["layers"] if settled.get(layer["key"]) for area in layer["areas"]]
    if named:
        return str(say("Se preguntó y está en {name}.", name=" / ".join(named)))
    off = [_in(language, layer["name"]) for layer in receipt["layers"] if layer["key"] in settled]
    return str(say("Se preguntó y no está en: {layer}.", layer=" / ".join(off)))


def _replies(receipt: Mapping[str, Any], language: str, say: Any) -> tuple[str, ...]:
    doubt = receipt.get("border_case")
    if not doubt:
        return ()
    return tuple(
        f"{_in(language, reply['name'])}: "
        + (reply["agency"]["name"] if reply["agency"] else str(say("Fuera de la ciudad")))
        for reply in doubt["replies"]
    )


def _zone(receipt: Mapping[str, Any], language: str, say: Any) -> str:
    border = receipt["border"]
    layer = next((layer for layer in receipt["layers"] if border and layer["key"] == border["layer"]), None)
    if layer is None or not layer["areas"] or receipt["outcome"] == "outside" or (receipt["rule"] or {}).get("line"):
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
    if tie["broken_by"] == "nearest_line":
        return str(say("Coinciden varias reglas ({rules}): ganó la de la vía más cercana.", rules=rules))
    if tie["broken_by"] == "smallest_area":
        return str(say("Coinciden varias reglas ({rules}): ganó la de la zona más pequeña.", rules=rules))
    return str(say("Coinciden varias reglas ({rules}): ganó la primera por su clave.", rules=rules))


def _elsewhere(receipt: Mapping[str, Any], say: Any) -> str:
    other = receipt.get("elsewhere")
    if not other:
        return ""
    phone = other.get("phone")
    if other["metres"] == 0:
        if phone:
            return str(say("El lugar está en {name}: llama al {phone}.", name=other["name"], phone=phone))
        return str(say("El punto está en {name}.", name=other["name"]))
    if phone and other["metres"] is None:
        return str(
            say(
                "El lugar está fuera de la ciudad: pregunta en {name}, llama al {phone}.",
                name=other["name"],
                phone=phone,
            )
        )
    if phone:
        return str(say("Lo más cercano es {name}: llama al {phone}.", name=other["name"], phone=phone))
    return str(say("Lo más cercano es {name}.", name=other["name"]))


def _runner_up(receipt: Mapping[str, Any], say: Any) -> str:
    second = receipt["runner_up"]
    if not second:
        return _same_beyond(receipt, say)
    agency, when = second["agency"]["name"], second["when"]
    if when["kind"] == "border":
        return str(
            say(
                "{agency}, si el punto está del otro lado del límite, a {metres}.",
                agency=agency,
                metres=in_words(when["metres"]),
            )
        )
    if when["kind"] == "line":
        metres = in_words(when["metres"])
        return str(
            say(
                "{agency}, si el punto está del otro lado del borde de la vía, a {metres}.",
                agency=agency,
                metres=metres,
            )
        )
    if when["kind"] == "two_owners":
        return str(say("{agency}, que también tiene ese lugar.", agency=agency))
    if when["kind"] == "room":
        return str(say("{agency}, en cuanto tenga lugar.", agency=agency))
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
