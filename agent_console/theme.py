"""A city's own colours as a small style sheet, laid over tokens.css. Only the tokens a city may change, only hex colours."""

import re
from collections.abc import Mapping
from typing import Any

TOKENS = ("brand", "brand-strong", "on-brand", "brand-soft", "band", "on-band", "accent", "on-accent")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def theme_css(theme: Mapping[str, Any] | None) -> str:
    """The sheet for `{"light": {token: "#rrggbb"}, "dark": {…}}`; anything else in it is left out.

    Each scheme stands alone: light colours never reach dark pages.
    """
    sheet = ""
    for scheme in ("light", "dark"):
        colours = (theme or {}).get(scheme)
        kept = [(token, str(colours.get(token, ""))) for token in TOKENS] if isinstance(colours, Mapping) else []
        rules = " ".join(f"--{token}: {value};" for token, value in kept if _COLOUR.fullmatch(value))
        if rules:
            sheet += f"@media (prefers-color-scheme: {scheme}) {{ :root {{ {rules} }} }}\n"
    return sheet
