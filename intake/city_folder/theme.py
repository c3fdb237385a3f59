"""A city's colours: two are enough, the rest is derived; and the contrast that a theme must keep.

Contrast is the WCAG 2.2 ratio of relative luminances, 1 to 21.
"""

import re
from collections.abc import Iterator, Mapping

TOKENS = ("brand", "brand-strong", "on-brand", "brand-soft", "band", "on-band", "accent", "on-accent")
MODES = ("light", "dark")
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_PAIRS = (
    ("on-brand", "brand", 4.5),
    ("brand", "brand-soft", 4.5),
    ("on-band", "band", 4.5),
    ("on-accent", "accent", 7.0),
)
_INK, _PAPER = "#2b1d00", "#ffffff"
Colours = Mapping[str, str]


def is_colour(value: object) -> bool:
    """True for `#rrggbb`."""
    return isinstance(value, str) and _HEX.match(value) is not None


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two `#rrggbb` colours."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def complete(light: Colours, dark: Colours) -> dict[str, dict[str, str]]:
    """Every token of both modes; `light` gives at least brand and accent. What a city gives is never changed."""
    brand, accent = light["brand"], light["accent"]
    day = {
        "brand": brand,
        "brand-strong": _mix(brand, "#000000", 0.25),
        "on-brand": _reader(brand),
        "brand-soft": _mix(brand, "#ffffff", 0.88),
        "band": brand,
        "accent": accent,
    } | dict(light)
    day.setdefault("on-band", _reader(day["band"]))
    day.setdefault("on-accent", _reader(day["accent"]))
    night = {
        "brand": _mix(brand, "#ffffff", 0.58),
        "brand-strong": _mix(brand, "#ffffff", 0.72),
        "brand-soft": _mix(brand, "#121315", 0.68),
        "band": _mix(brand, "#121315", 0.3),
        "accent": accent,
    } | dict(dark)
    night.setdefault("on-brand", _mix(brand, "#000000", 0.7))
    night.setdefault("on-band", _reader(night["band"]))
    night.setdefault("on-accent", _reader(night["accent"]))
    return {"light": day, "dark": night}


def too_faint(theme: Mapping[str, Colours]) -> Iterator[tuple[str, str, str, float, float]]:
    """(mode, foreground, background, ratio, least) of every pair that nobody could read."""
    for mode in MODES:
        for foreground, background, least in _PAIRS:
            ratio = contrast(theme[mode][foreground], theme[mode][background])
            if ratio < least:
                yield mode, foreground, background, round(ratio, 1), least


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 to 1) of `other`."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _reader(background: str) -> str:
    return max((_PAPER, _INK), key=lambda colour: contrast(colour, background))
