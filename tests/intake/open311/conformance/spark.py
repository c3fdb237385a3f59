"""The "Spark" mapping of GeoReport, read backwards: whether an XML document and a JSON document say the same.

Written apart from `intake.open311.formats`, so that a mistake there is not made here again.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree import ElementTree


def differences(xml: bytes, value: Any) -> list[str]:
    """Where the XML document and the JSON value differ; [] when the mapping of one is the other."""
    return list(_differences(ElementTree.fromstring(xml), value, ""))


def _differences(element: ElementTree.Element, value: Any, above: str) -> Iterator[str]:
    path = f"{above}/{element.tag}"
    children = list(element)
    if element.attrib:
        yield f"{path}: has attributes"
    if children and (element.text or "").strip():
        yield f"{path}: text beside elements"
    if isinstance(value, list):
        # A plural wrapper around children of one name is an array of them.
        if len({child.tag for child in children}) > 1:
            yield f"{path}: children of several names"
        if len(children) != len(value):
            yield f"{path}: {len(children)} in XML, {len(value)} in JSON"
        for child, item in zip(children, value, strict=False):
            yield from _differences(child, item, path)
    elif isinstance(value, dict):
        if [child.tag for child in children] != list(value):
            yield f"{path}: {[child.tag for child in children]} in XML, {list(value)} in JSON"
        for child in children:
            if child.tag in value:
                yield from _differences(child, value[child.tag], path)
    elif children:
        yield f"{path}: an element in XML, {value!r} in JSON"
    elif not _says(element.text, value):
        yield f"{path}: {element.text!r} in XML, {value!r} in JSON"


def _says(text: str | None, value: Any) -> bool:
    if value is None:  # an empty element; "" would be a second way to say nothing
        return text is None
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        try:
            return Decimal(text or "") == Decimal(repr(value))
        except InvalidOperation:
            return False
    # A link to more of the same keeps the format it was asked in.
    return bool(text) and (text == value or text == str(value).replace(".json?", ".xml?"))
