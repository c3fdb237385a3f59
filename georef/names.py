"""Names as people write them, made comparable: case, accents, signs and address words out of the way."""

import re
import unicodedata
from functools import lru_cache

# Written and spoken forms of the same word.
_SAME = {
    "av": "avenida",
    "ave": "avenida",
    "avda": "avenida",
    "calz": "calzada",
    "cda": "cerrada",
    "cjon": "callejon",
    "priv": "privada",
    "prol": "prolongacion",
    "blvd": "boulevard",
    "blv": "boulevard",
    "bulevar": "boulevard",
    "cto": "circuito",
    "col": "colonia",
    "fracc": "fraccionamiento",
    "esq": "esquina",
    "hab": "habitacional",
    "gral": "general",
    "dr": "doctor",
    "dra": "doctora",
    "lic": "licenciado",
    "ing": "ingeniero",
    "prof": "profesor",
    "sta": "santa",
    "sto": "santo",
    "mdo": "mercado",
    "pque": "parque",
    "pza": "plaza",
    "deleg": "delegacion",
    "nte": "norte",
    "pte": "poniente",
    "ote": "oriente",
    "1ra": "primera",
    "1a": "primera",
    "2da": "segunda",
    "2a": "segunda",
    "3ra": "tercera",
    "3a": "tercera",
}
_STREETS = frozenset(
    {
        "calle",
        "avenida",
        "calzada",
        "boulevard",
        "cerrada",
        "callejon",
        "privada",
        "prolongacion",
        "circuito",
        "andador",
    }
)
# What may stand before the name of a street, number and all: "Eje 3".
STREET_TYPES = _STREETS | {"eje"}
TYPES = (
    _STREETS
    | {"via"}
    | {
        "colonia",
        "barrio",
        "pueblo",
        "fraccionamiento",
        "unidad",
        "habitacional",
        "alcaldia",
        "delegacion",
        "distrito",
        "zona",
    }
)
PARTICLES = frozenset(["de", "del", "la", "las", "los", "el", "y", "e", "en", "a", "al", "con"])
# What a landmark may be called without: "la Calera" for "Mercado La Calera".
GENERIC = frozenset(
    {
        "mercado",
        "parque",
        "plaza",
        "metro",
        "estacion",
        "hospital",
        "clinica",
        "escuela",
        "primaria",
        "secundaria",
        "iglesia",
    }
    | {
        "parroquia",
        "templo",
        "jardin",
        "deportivo",
        "biblioteca",
        "panteon",
        "terminal",
        "puente",
        "glorieta",
        "kiosco",
        "quiosco",
    }
)
# Too common to be a name without the word before them: "Barrio Norte", "Norte 174".
DIRECTIONS = frozenset({"norte", "sur", "oriente", "poniente"})
_ROMAN = re.compile(r"^(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})$")


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Lower case without accents, tildes or signs, single spaces; abbreviations are written out."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(_SAME.get(word, word) for word in re.findall(r"[a-z0-9]+", plain))


def core_words(words: list[str]) -> list[str]:
    """The distinctive ones of folded words: without street and settlement types and particles, unless little else is there."""
    kept = [word for word in words if word not in TYPES and word not in PARTICLES]
    if all(word in DIRECTIONS for word in kept):
        return [word for word in words if word not in PARTICLES]
    return kept


@lru_cache(maxsize=65536)
def core(text: str) -> str:
    """The distinctive words of a name, folded; all of its words if it has none ("Avenida de la Calzada")."""
    words = fold(text).split()
    return " ".join(core_words(words) or words)


@lru_cache(maxsize=65536)
def sound(folded: str) -> str:
    """Folded words as they sound in Mexico: karmen, Carmen; jiménez, Giménez; zapata, sapata; vallejo, bayejo."""
    text = (
        folded.replace("ll", "y")
        .replace("qu", "k")
        .replace("ch", "#")
        .replace("h", "")
        .replace("z", "s")
        .replace("v", "b")
    )
    return re.sub(r"g(?=[ei])", "j", re.sub("c", "k", re.sub(r"c(?=[ei])", "s", text))).replace("#", "ch")


def is_number(word: str) -> bool:
    """A folded word with digits, or a Roman numeral up to 39: Norte 174 and Norte 176, Doctores II and III are not alike."""
    return any(letter.isdigit() for letter in word) or bool(_ROMAN.match(word))


def numbers(folded: str) -> tuple[str, ...]:
    """The numbers among folded words, sorted."""
    return tuple(sorted(word for word in folded.split() if is_number(word)))


@lru_cache(maxsize=65536)
def enyes(text: str) -> frozenset[str]:
    """The words written with ñ, folded: Peña gives pena."""
    composed = unicodedata.normalize("NFC", text.casefold())
    return frozenset(fold(word) for word in re.findall(r"\w+", composed) if "ñ" in word)
