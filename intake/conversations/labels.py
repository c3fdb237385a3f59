"""How a place is read back to the person. Pure."""

import re

_NUMBER = re.compile(r"(?<![\w.-])(\d{1,5}(?:-?[A-Za-z])?)(?![\w-])")
# What these introduce is no house number.
_NOT_A_HOUSE = re.compile(
    r"\b(?:eje|norte|sur|oriente|poniente|ote|pte|km|kil[oó]metro|manzana|mz|lote|lt|edificio|retorno|calle|c\.?p\.?)\s*$",
    re.IGNORECASE,
)


def with_house_number(label: str, words: str) -> str:
    """`Av. Sabinos 214, El Carmen` from the street's label and what the person wrote: `sabinos 214, el carmen`."""
    for found in _NUMBER.finditer(words):
        number = found[1]
        if re.search(rf"\b{re.escape(number)}\b", label) or _NOT_A_HOUSE.search(words[: found.start()]):
            continue
        street, comma, rest = label.partition(",")
        return f"{street} {number}{comma}{rest}"
    return label
