"""The one style sheet of resident pages, made ready to be inlined: small, and readable by engines without custom properties."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).with_name("resident.css")
_DECLARATION = re.compile(r"(?<=[;{])([a-z-]+):([^;{}]*var\(--[^;{}]*)(?=[;}])")
_CITY_NAMES = ("band", "on-band", "brand", "on-brand", "brand-soft")


def minified(css: str) -> str:
    """`css` without comments and needless white space."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r"\s*([{};,>])\s*", r"\1", css)
    css = re.sub(r"(?<=[{;a-z-]):\s+", ":", css)
    return css.replace(";}", "}").strip()


def with_fallbacks(css: str) -> str:
    """Writes each declaration that uses `var(--x)` twice: first with the literal of the first `:root`, then as it is."""
    literals = dict(re.findall(r"--([a-z-]+):([^;}]+)", css[: css.index("}")]))

    def twice(match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        literal = re.sub(r"var\(--([a-z-]+)\)", lambda use: literals[use[1]], value)
        return f"{name}:{literal};{name}:{value}"

    return _DECLARATION.sub(twice, css)


@cache
def _source() -> str:
    return minified(_SOURCE.read_text())


def resident_css(theme: Mapping[str, Mapping[str, str]] | None = None, more: str = "") -> str:
    """The sheet in the city's colours. theme: `{"light": {"brand": "#…", …}, "dark": {…}}`; other names are ignored.

    more: rules that only some pages need, on the same colours.
    """
    css = _source() + minified(more)
    for scheme, values in (theme or {}).items():
        head, dark, tail = css.partition("@media(prefers-color-scheme:dark)")
        for name in _CITY_NAMES:
            colour = values.get(name, "")
            if re.fullmatch(r"#[0-9a-fA-F]{3,8}", colour):
                rule = re.compile(rf"--{name}:#[0-9a-fA-F]+")
                if scheme == "light":
                    head = rule.sub(f"--{name}:{colour}", head, count=1)
                else:
                    tail = rule.sub(f"--{name}:{colour}", tail, count=1)
        css = head + dark + tail
    return with_fallbacks(css)
