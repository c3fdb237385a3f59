"""Whether an XML and a JSON answer say the same: the XML as JSON would say it, leaf by leaf. Pure."""

import math
from typing import Any

_NUMBER_TOLERANCE = 1e-9


def difference(json: Any, xml: Any, path: str = "") -> str | None:
    """Where the two first differ and how, or None. `xml`: leaves are text or None (see `visit.plain`)."""
    if isinstance(json, dict):
        if not json and xml in (None, []):
            return None
        if not isinstance(xml, dict):
            return f"{path or '/'}: {_brief(json)} / {_brief(xml)}"
        for key in [*json, *(key for key in xml if key not in json)]:
            if _is_empty(json.get(key)) and _is_empty(xml.get(key)):
                continue  # absent, null and an empty element are the same
            found = difference(json.get(key), xml.get(key), f"{path}/{key}")
            if found:
                return found
        return None
    if isinstance(json, list):
        other = xml if isinstance(xml, list) else [] if xml is None else [xml]
        if len(json) != len(other):
            return f"{path or '/'}: {len(json)} / {len(other)}"
        for index, (left, right) in enumerate(zip(json, other, strict=True)):
            found = difference(left, right, f"{path}[{index}]")
            if found:
                return found
        return None
    return None if _same_leaf(json, xml) else f"{path}: {_brief(json)} / {_brief(xml)}"


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _same_leaf(json: Any, xml: Any) -> bool:
    if _is_empty(json) and _is_empty(xml):
        return True
    if isinstance(json, bool):
        return str(xml).strip() == ("true" if json else "false")
    if isinstance(json, int | float):
        try:
            return math.isclose(float(json), float(str(xml)), rel_tol=_NUMBER_TOLERANCE, abs_tol=_NUMBER_TOLERANCE)
        except (ValueError, OverflowError):
            return False
    return isinstance(xml, str) and " ".join(str(json).split()) == " ".join(xml.split())


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
