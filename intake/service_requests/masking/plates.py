"""Licence plates: of Mexican states, federal ones, motorcycles and the usual ones of the United States."""

import re
from collections.abc import Iterable, Iterator

from intake.service_requests.masking.marks import SURE, Mark
from intake.service_requests.masking.screening import Look

# Letters of Mexican plates, without I, O, Q and Ñ, which they do not use.
_L = "[A-HJ-NPR-Z]"
# With hyphens these are plates and little else.
_WRITTEN = re.compile(
    rf"(?<![\w/.-])(?:{_L}{{3}}-\d{{3}}-{_L}|{_L}{{3}}-\d\d-\d\d|\d{{3}}-{_L}{{3}}|{_L}\d\d-{_L}{{3}}|\d\d-{_L}{{2}}-\d{_L}|\d{{3}}-{_L}{{2}}-\d"
    rf"|{_L}{{2}}-\d\d-\d{{3}}|{_L}{{3}}\d{{3}}{_L}|\d{_L}{{3}}\d{{3}})(?![\w/-]|\.\w)"
)
# Where somebody speaks of plates: any group of five to eight letters and digits.
_SAID = re.compile(
    r"(?i)\b(?:placas?|matr[ií]culas?|(?:license |licence )?plates?|tag)"
    r"(?:(?:[ :#]+(?:n[uú]m(?:ero)?s?\.?|no\.?|number|es|son|de"
    r"|del?|la|las|el|is|federal(?:es)?|texas|california|estado|edomex|cdmx|m[eé]xico|morelos|puebla|hidalgo|jalisco|particular(?:es)?"
    r"|delanteras?|traseras?)\b){0,5})[ :#.,]{1,3}(?P<plate>[a-z0-9]{1,8}(?:[ -][a-z0-9]{1,4}){0,2})(?![a-z0-9])"
)
# Near a vehicle: shapes that could be other codes as well.
_LOOSE = re.compile(
    r"(?i)(?<![\w/.-])(?:[a-z]{3}[ -]?\d\d[ -]?\d\d|[a-z]{3}[ -]?\d{3}[ -]?[a-z]|\d{3}[ -]?[a-z]{3}|[a-z]\d\d[ -]?[a-z]{3}"
    r"|[a-z]{3}[ -]\d{4}|\d[a-z]{3}\d{3}|[a-z]\d[a-z]\d[a-z])(?![\w/-]|\.\w)"
)
_VEHICLE = re.compile(
    r"(?i)\b(?:auto(?:m[oó]vil)?|coche|carro|camioneta|camion(?:es)?|cami[oó]n|taxi|moto(?:neta|cicleta)?|veh[ií]culo|tr[aá]iler|micro(?:b[uú]s)?"
    r"|combi|van|jetta|tsuru|nissan|honda|toyota|ford|chevy|chevrolet|mazda|vw|pointer|pickup|pick-up|sed[aá]n|suv|car|truck|motorcycle|vehicle)\b"
)
_NEAR = 60
# Letters that name things, not vehicles.
_NO_PLATE = frozenset(
    re.findall(
        r"\w+",
        "AV CP COL KM NO NUM MZ LT INT EXT SMZ CFE LUM LED HPS NOM RTP SUV UPC UTM DEP SUR NTE OTE PTE DEL LAS LOS POR CON EST NP"
        " CX BRT CDM DGS IMS ISO BIS HAY SIN QUE UNA DOS MAS AND THE FOR",
    )
)


# A word of each way in which somebody speaks of plates.
_SPEAKING = frozenset(("placa", "placas", "matricula", "matriculas", "plate", "plates", "tag"))
# What each of them needs, cheap to fail: all begin with a digit, and where nobody speaks of plates there are two.
_FEWEST_DIGITS = 2
_MAY_BE_WRITTEN = re.compile(r"\d(?:(?<=[A-Z-]\d)|(?=-))")
_L3 = r"[^\W\d_]{3}"
_MAY_BE_LOOSE = re.compile(
    rf"\d(?:(?<=[^\W\d_]\d)|(?=[^\W\d_])|(?=\d)(?<={_L3}[ -]\d)(?<![\w/.-]{_L3}[ -]\d)|\d\d[ -]{_L3}(?![\w/-]))"
)
_MAY_HAVE_ITS_SHAPE = re.compile(rb"(?=[ a0-])(?:a0|0[a-]|-0| aaa 00|000 aaa[ .])").search


def marks(text: str, look: Look | None = None) -> Iterable[Mark]:
    if look is not None and not (look.digits and (_says(look) or _has_its_shape(look))):
        return ()
    return _marks(text, look)


def _has_its_shape(look: Look) -> bool:
    """False only where neither of the two patterns for plates that nobody speaks of finds anything."""
    shape = look.shape
    if shape is None or look.digits < _FEWEST_DIGITS:
        return look.digits >= _FEWEST_DIGITS
    # What is far from all digits is in no plate.
    return _MAY_HAVE_ITS_SHAPE(shape, max(0, look.first - 4), shape.rfind(b"0") + 7) is not None


def _marks(text: str, look: Look | None) -> Iterator[Mark]:
    if look is None or _says(look):
        for found in _SAID.finditer(text):
            start, end = found.span("plate")
            end = _plate_end(text, start, end)
            if end > start:
                yield Mark(start, end, "plate", 1.0, "said")
    if look is not None and look.digits < _FEWEST_DIGITS:
        return
    first = look.first if look is not None else 0
    if look is None or _MAY_BE_WRITTEN.search(text, first):
        for found in _WRITTEN.finditer(text):
            if _letters(found[0]).isdisjoint(_NO_PLATE) and not _is_thing(text, found.start()):
                yield Mark(*found.span(), "plate", SURE, "written")
    if look is not None and not (_MAY_BE_LOOSE.search(text, first) and _LOOSE.search(text)):
        return
    vehicles = [found.end() for found in _VEHICLE.finditer(text)]
    at = 0
    for found in _LOOSE.finditer(text) if vehicles else ():
        while at + 1 < len(vehicles) and vehicles[at + 1] <= found.start():
            at += 1
        is_near = 0 <= found.start() - vehicles[at] <= _NEAR
        if is_near and _letters(found[0].upper()).isdisjoint(_NO_PLATE):
            yield Mark(*found.span(), "plate", 0.8, "near a vehicle")


def _says(look: Look) -> bool:
    """False only where nobody speaks of plates."""
    # Within an apostrophe a word may be part of a longer one.
    return look.words is None or "'" in look.text or not _SPEAKING.isdisjoint(look.words)


def _plate_end(text: str, start: int, end: int) -> int:
    """Where the plate ends that was said to stand here; `start` when nothing here can be one."""
    words = re.split(r"([ -])", text[start:end])
    best, size, at = start, 0, start
    has_digit = False
    for word in words:
        at += len(word)
        if word in " -":
            continue
        is_code = any(letter.isdigit() for letter in word) or (word.isupper() or len(word) == 3)
        size += len(word)
        if not is_code or size > 8:
            break
        has_digit = has_digit or any(letter.isdigit() for letter in word)
        if size >= 5 and has_digit and any(letter.isalpha() for letter in text[start:at]):
            best = at
    return best


def _letters(plate: str) -> set[str]:
    return set(re.findall("[A-Z]+", plate))


_THING = re.compile(
    r"(?i)(?:registro|medidor|poste|luminaria|tapa|contenedor|ruta|edificio|folio|oficio|expediente|serie|transformador|casa|depto|pole|route)"
    r"(?: n[uú]m(?:ero)?\.?| no\.?)? $"
)


def _is_thing(text: str, start: int) -> bool:
    return _THING.search(text, max(0, start - 30), start) is not None
