"""How a written text is read aloud, so that an ear can follow: folios in groups, streets in full, signs left out. Pure."""

import re

from kernel.folio import spoken

# Some twenty lines; nobody listens to more.
MOST_LETTERS = 1500
_NAMES = {
    "es": ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
}
_FOLIO = re.compile(r"(?<!\d)(\d{2})[ \u00a0\u202f](\d{4})[ \u00a0\u202f](\d{4})(?!\d)")
# Numbers that are dialled: 911, 311, *765, *0311, 55 0000 0765.
_DIALLED = re.compile(r"(?<![\d\w*])(?:\*\d{2,6}|911|311|\d{3}|\d{2} \d{4} \d{4})(?![\d\w])")
_ORDINALS = {
    "1": "primer", "2": "segund", "3": "tercer", "4": "cuart", "5": "quint", "6": "sext", "7": "séptim", "8": "octav",
    "9": "noven", "10": "décim",
}  # fmt: skip
# `1er.`, `2do`, `3º`, `1o.`; what follows tells `primer` from `primero`.
_ORDINAL = re.compile(
    r"\b(10|[1-9])(?:\.?(er)|\.?(?:ro|do|to|mo|vo|no)|\.?º|°|o)(?:\.(?=\s+\w))?(?=\s+(\w+)|[\s,.]|$)", re.IGNORECASE
)
_ORDINAL_A = re.compile(r"\b(10|[1-9])(?:\.?(?:ra|da|ta|ma|va|na)|\.?ª)(?:\.(?=\s+\w))?(?=[\s,.]|$)", re.IGNORECASE)
# An `a` that hangs on a number is a door's letter (`Roble 5A`), unless it counts something: `2a Cerrada`, `Sección 5a`, `la 3a`.
_BARE_A = re.compile(r"(?:\b(\w+)(\.?\s+))?\b(10|[1-9])(a)\b(\.(?=\s+\w))?(?=\s+(\w+))?", re.IGNORECASE)
_COUNTED = frozenset((
    "ampliación", "andador", "avenida", "av", "calle", "calzada", "calz", "cerrada", "cda", "etapa", "norte", "nte", "oriente",
    "ote", "poniente", "pte", "privada", "priv", "prolongación", "prol", "rinconada", "sección", "secc", "sur", "unidad",
))  # fmt: skip
_AFTER_A_DOOR = frozenset(["c", "col", "colonia", "cp", "entre", "esq", "esquina"])
_SHORT: dict[str, str] = {
    r"av(?:e|da)?\.": "avenida", r"blvd\.?": "bulevar", r"calz\.": "calzada", r"cda\.": "cerrada", r"priv\.": "privada",
    r"prol\.": "prolongación", r"circ\.": "circuito", r"perif\.": "periférico", r"carr\.": "carretera", r"col\.": "colonia",
    r"fracc\.": "fraccionamiento", r"esq\.": "esquina", r"u\. ?hab\.": "unidad habitacional", r"c\. ?p\.": "código postal",
    r"pte\.?": "poniente", r"ote\.?": "oriente", r"nte\.?": "norte", r"n[úu]m\.": "número",
    r"no\.(?= ?\d)": "número",
    r"mz\.?(?= ?\d)": "manzana", r"lt\.?(?= ?\d)": "lote", r"int\.(?= ?\w)": "interior",
    r"edif\.": "edificio", r"depto\.": "departamento",
    r"km\.?(?= ?\d)": "kilómetro", r"s/n": "sin número", r"gral\.": "general", r"dr\.": "doctor", r"dra\.": "doctora",
    r"lic\.": "licenciado", r"ing\.": "ingeniero", r"prof\.": "profesor", r"profa\.": "profesora",
    r"sta\.": "santa", r"sto\.": "santo",
    r"cdmx": "Ciudad de México",
}  # fmt: skip
_SHORT_RE = tuple((re.compile(rf"(?<!\w){short}(?!\w)", re.IGNORECASE), full) for short, full in _SHORT.items())
_UNITS = {
    "es": {"km": "kilómetros", "m": "metros", "h": "horas", "min": "minutos"},
    "en": {"km": "kilometers", "m": "meters", "h": "hours", "min": "minutes"},
}  # fmt: skip
_ONES = {
    "es": {"km": "un kilómetro", "m": "un metro", "h": "una hora", "min": "un minuto"},
    "en": {"km": "one kilometer", "m": "one meter", "h": "one hour", "min": "one minute"},
}  # fmt: skip
_ONE = re.compile(r"(?<![\d.,])1[ \u00a0](km|m|h|min)\b")
# What somebody wrote, as a sentence of its own; its dots are where it was cut off.
_QUOTED = re.compile(r"(?<=[.:] )\"([^\"]+?)\.*\"")
_UNIT = re.compile(r"(?<=\d) ?(km|m|h|min)\b")
_SIGNS = re.compile(r"(?:[^\w\s.,;:¿?¡!'()%-]|_)+")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")


def aloud(text: str, language: str) -> str:
    """The text as it is said: whole, on one line, without what a voice would spell or stumble over."""
    said = _ADDRESS.sub(" ", text)
    said = _FOLIO.sub(lambda found: folio(f"{found[1]}{found[2]}{found[3]}", language), said)
    said = _DIALLED.sub(lambda found: _if_dialled(found, said, language), said)
    if language == "es":
        said = _ORDINAL.sub(_masculine, said)
        said = _ORDINAL_A.sub(lambda found: _ORDINALS[found[1]] + "a", said)
        said = _BARE_A.sub(_feminine_or_door, said)
    # Streets have Spanish names in every language.
    for short, full in _SHORT_RE:
        said = short.sub(full, said)
    said = _ONE.sub(lambda found: _ONES.get(language, _ONES["es"])[found[1]], said)
    units = _UNITS.get(language, _UNITS["es"])
    said = _UNIT.sub(lambda found: f" {units[found[1]]}", said)
    said = _QUOTED.sub("It says: \\1." if language == "en" else "Dice: \\1.", said)
    joint = " and " if language == "en" else " y "
    said = re.sub(r"\s*[&/]\s*", joint, said)
    said = _SIGNS.sub(" ", said)
    said = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(said.split()))
    said = re.sub(r"([.,;:])(?:\s*[.,;:])+", r"\1", said)
    said = re.sub(r"([?!])[.,;:]+", r"\1", said)
    return _cut(said)


def folio(ten: str, language: str) -> str:
    """A folio in groups, as people of the language say numbers to each other."""
    if language == "es":
        return spoken(ten)
    return by_digit(ten, language)


def by_digit(digits: str, language: str) -> str:
    """Digit by digit, with a pause where a folio (2, 4, 4) or a telephone (2, 4, 4 too) has its gaps."""
    names = _NAMES.get(language, _NAMES["es"])
    groups = (digits[:2], digits[2:6], digits[6:]) if len(digits) == 10 else (digits,)
    return "; ".join(", ".join(names[int(digit)] for digit in group) for group in groups if group)


def dialled(number: str, language: str) -> str:
    """A number to be called: `911` is `nueve, uno, uno`; a star is said."""
    star = "asterisco " if language == "es" else "star "
    digits = "".join(c for c in number if c.isdigit())
    return (star if number.startswith("*") else "") + by_digit(digits, language)


def _if_dialled(found: re.Match[str], text: str, language: str) -> str:
    number = found[0]
    before = text[: found.start()][-24:]
    says_call = _SAYS_CALL.search(before)
    if not says_call and _STREET.search(before):
        return number
    if number == "311":
        return "tres once" if language == "es" else "three one one"
    if number == "911":
        return "nueve once" if language == "es" else "nine one one"
    # Three digits are a house, unless a star or what stands before it says that they are dialled.
    if number.startswith("*") or " " in number or says_call:
        return dialled(number, language)
    return number


_SAYS_CALL = re.compile(
    r"\b(?:llam[ea]n?|marque|call|dial|línea|line|mujeres)\b\W*(?:[a-záéíóú]+\W+){0,2}$", re.IGNORECASE
)
# A name before it, or `número`: the number is a door's.
_STREET = re.compile(r"(?:[a-záéíóúñ,]\s+[A-ZÁÉÍÓÚÑ][\wáéíóúñ]*|\bn[úu]m(?:ero|\.)|^(?!El |The )[A-ZÁÉÍÓÚÑ]\w+)\s+$")


def _masculine(found: re.Match[str]) -> str:
    """`1o. de Mayo` is `primero de Mayo`, `1er. Anillo` and `1º Anillo` are `primer Anillo`."""
    number, short, follows = found[1], found[2], found[3]
    stands_before_a_noun = short or (follows and follows.casefold() not in ("de", "del", "y", "o"))
    return _ORDINALS[number] + ("" if number in ("1", "3") and stands_before_a_noun else "o")


def _feminine_or_door(found: re.Match[str]) -> str:
    before, gap, number, sign, dot, after = (group or "" for group in found.groups())
    counts = before.casefold() in _COUNTED | {"la"} or after.casefold() in _COUNTED | {"de"}
    is_short = sign == "a" and bool(dot) and after.casefold() not in _AFTER_A_DOOR
    told = _ORDINALS[number] + "a" if counts or is_short else f"{number} {sign.upper()}{dot}"
    return before + gap + told


def _cut(text: str) -> str:
    if len(text) <= MOST_LETTERS:
        return text
    return text[:MOST_LETTERS].rpartition(" ")[0].rstrip(" ,;:") + "."
