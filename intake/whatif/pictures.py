"""Maps and charts as inline SVG on the design's tokens: for the page, the report and paper alike. Colours never speak alone."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from markupsafe import Markup

from kernel.i18n import translate
from routing.whatif.drawing import HEIGHT, WIDTH

_MONTHS = {
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_FILLS = {"hit": "var(--map-hit)", "block": "var(--map-block)", "land": "var(--map-land)"}


def short_day(text: str | date, language: str) -> str:
    """`1 ene 2026`."""
    day = text if isinstance(text, date) else date.fromisoformat(text)
    return f"{day.day} {_MONTHS.get(language, _MONTHS['es'])[day.month - 1]} {day.year}"


def layer_map(picture: Mapping[str, Any], label: str, number: str) -> Markup:
    """One of the two maps of `routing.whatif.drawing`; `number` tells its patterns from those of other maps of the page."""
    out = [
        f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="var(--sunken)"/>',
    ]
    out += [
        f'<path d="{path}" fill="{_FILLS[kind]}" fill-rule="evenodd" stroke="var(--map-line)" stroke-width="1"/>'
        for kind, path in picture["areas"]
    ]
    out += [_path(picture["parks"], 'fill="var(--map-park)"'), _path(picture["water"], 'fill="var(--map-water)"')]
    out += [
        f'<path d="{path}" fill="none" stroke="var(--map-street)" stroke-width="{width}" stroke-linecap="round"/>'
        for path, width in picture["streets"]
    ]
    if picture.get("pieces"):
        out.append(_hatch(f"h{number}", "var(--map-alt)", "var(--map-line)", 45))
        out.append(_path(picture["pieces"], f'fill="url(#h{number})" fill-rule="evenodd"'))
    if picture.get("overlaps"):
        out.append(_hatch(f"o{number}", "var(--wait-bg)", "var(--wait)", -45))
        out.append(_path(picture["overlaps"], f'fill="url(#o{number})" stroke="var(--wait)" stroke-width="1"'))
    out.append(
        _path(
            picture.get("holes", ""),
            'fill="var(--danger-bg)" stroke="var(--danger)" stroke-width="1.5" stroke-dasharray="2 2"',
        )
    )
    out.append(
        _path(picture.get("old_edge", ""), 'fill="none" stroke="var(--muted)" stroke-width="2" stroke-dasharray="5 4"')
    )
    out.append(
        _path(
            picture["edge"],
            'fill="none" stroke="var(--ink)" stroke-width="3.5" stroke-linejoin="round" stroke-linecap="round"',
        )
    )
    if picture["dots"]:
        dots = "".join(f"M{x} {y}h0" for x, y in picture["dots"])
        out.append(_path(dots, 'stroke="var(--map-land)" stroke-width="5" stroke-linecap="round"'))
        out.append(_path(dots, 'stroke="var(--ink)" stroke-width="3.5" stroke-linecap="round"'))
    out.append(
        '<g font-size="14" font-weight="600" fill="var(--map-text)" text-anchor="middle" paint-order="stroke"'
        ' stroke="var(--map-land)" stroke-width="3" stroke-linejoin="round">'
    )
    out += [f'<text x="{x}" y="{y}">{escape(str(name))}</text>' for name, x, y in picture["labels"]]
    out.append("</g></svg>")
    return Markup("".join(out))  # noqa: S704  # numbers and escaped names


def _path(d: str, look: str) -> str:
    return f'<path d="{d}" {look}/>' if d else ""


def _hatch(name: str, ground: str, line: str, angle: int) -> str:
    return (
        f'<defs><pattern id="{name}" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate({angle})">'
        f'<path d="M0 0h9v9H0z" fill="{ground}"/><path d="M0 0v9" stroke="{line}" stroke-width="2"/></pattern></defs>'
    )


def difference_bar(difference: int, largest: int, language: str) -> Markup:
    """A bar to the right for more and to the left for less, with its number; `largest` fills half of it."""
    if difference == 0:
        word = translate(language, "igual")
        return Markup(  # noqa: S704  # our own word
            f'<svg class="diff" viewBox="0 0 144 16" role="img" aria-label="{word}">'
            '<path d="M72 0v16" stroke="var(--line-strong)"/>'
            f'<text x="78" y="12" font-size="12" font-weight="600" fill="var(--ink)">{word}</text></svg>'
        )
    width = max(1.5, 62.0 * abs(difference) / max(largest, 1))
    is_more = difference > 0
    number = f"{'+' if is_more else '−'}{abs(difference):,}"
    label = translate(language, "más {n}" if is_more else "menos {n}", n=f"{abs(difference):,}")
    left, text, anchor = (72.0, 66, "end") if is_more else (72.0 - width, 78, "start")
    fill = "var(--brand)" if is_more else "var(--work)"
    return Markup(  # noqa: S704  # numbers
        f'<svg class="diff" viewBox="0 0 144 16" role="img" aria-label="{label}"><path d="M72 0v16" stroke="var(--line-strong)"/>'
        f'<rect x="{left:.1f}" y="3" width="{width:.1f}" height="10" rx="2" fill="{fill}"/>'
        f'<text x="{text}" y="12" text-anchor="{anchor}" font-size="12" font-weight="600" fill="var(--ink)">{number}</text></svg>'
    )


def week_chart(mondays: Sequence[str], before: Sequence[int], after: Sequence[int], name: str, language: str) -> Markup:
    """Requests by week: dashed what it was, solid what it would be, filled between."""
    wide, high, left, top = 320.0, 84.0, 34.0, 8.0
    most = max((*before, *after, 1))
    step = (wide - left - 6) / max(len(mondays) - 1, 1)

    def points(values: Sequence[int]) -> list[str]:
        return [f"{left + n * step:.1f} {top + high * (1 - value / most):.1f}" for n, value in enumerate(values)]

    old, new = points(before), points(after)
    label = translate(
        language,
        "{name}: en promedio {before} por semana hoy, {after} con el borrador",
        name=name,
        before=f"{_mean(before):,}",
        after=f"{_mean(after):,}",
    )
    return Markup(  # noqa: S704  # numbers and an escaped name
        f'<svg class="weeks" viewBox="0 0 {wide:.0f} 112" role="img" aria-label="{escape(label)}">'
        f'<path d="M{left} {top}H{wide}M{left} {top + high / 2}H{wide}M{left} {top + high}H{wide}" stroke="var(--line)"/>'
        f'<path d="M{"L".join(old)}L{"L".join(reversed(new))}Z" fill="var(--brand-soft)"/>'
        f'<path d="M{"L".join(old)}" fill="none" stroke="var(--muted)" stroke-width="1.5" stroke-dasharray="4 3"/>'
        f'<path d="M{"L".join(new)}" fill="none" stroke="var(--brand)" stroke-width="2" stroke-linejoin="round"/>'
        f'<g font-size="11" fill="var(--muted)"><text x="{left - 5}" y="{top + 4}" text-anchor="end">{most:,}</text>'
        f'<text x="{left - 5}" y="{top + high + 4}" text-anchor="end">0</text>'
        + (
            f'<text x="{left}" y="108">{short_day(mondays[0], language)}</text>'
            f'<text x="{wide}" y="108" text-anchor="end">{short_day(mondays[-1], language)}</text>'
            if mondays
            else ""
        )
        + "</g></svg>"
    )


def _mean(values: Sequence[int]) -> int:
    return round(sum(values) / len(values)) if values else 0
