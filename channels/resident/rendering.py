"""Resident pages as HTML: one layout, one inlined style, one language at a time."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from channels.resident.icons import icon
from channels.resident.style import resident_css
from intake.catalog.definitions import city_text, emergency_phone, text_in
from intake.catalog.models import Jurisdiction
from kernel.dates import day_in_words, moment_in_words
from kernel.folio import spaced
from kernel.i18n import translate

# No script runs on these pages, nothing is loaded from elsewhere, and nobody may frame them.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


_SHARED = Path(__file__).with_name("templates")


@cache
def _templates(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True)
class Page:
    """What every page knows: the city, the language of the path (`/en/…` is English) and the present instant."""

    city: Jurisdiction
    language: str
    path: str
    now: datetime
    query: str = ""

    @property
    def base(self) -> str:
        """What a link of this page starts with."""
        return "/en" if self.language == "en" else ""

    def url(self, path: str) -> str:
        return f"{self.base}{path}" or "/"

    def in_language(self, language: str) -> str:
        """This same page in another language."""
        bare = self.path.removeprefix("/en") if self.language == "en" else self.path
        there = f"/en{bare}" if language == "en" else bare or "/"
        return f"{there}?{self.query}" if self.query else there


def language_of(http_request: Request) -> str:
    path = http_request.url.path
    return "en" if path == "/en" or path.startswith("/en/") else "es"


def fill(folder: Path, page: Page, template: str, *, more_css: str = "", **values: Any) -> str:
    """A template of `folder`, filled; every value is escaped by Jinja unless it is Markup of ours."""
    zone, language = page.city.timezone, page.language
    return (
        _templates(folder)
        .get_template(template)
        .render(
            page=page,
            city=page.city,
            language=language,
            css=Markup(resident_css(page.city.settings.get("theme"), more_css)),  # noqa: S704  # our own sheet; colours are checked there
            icon=icon,
            spaced=spaced,
            _=partial(translate, language),
            emergency_phone=emergency_phone(page.city.settings),
            own=lambda key: city_text(page.city.settings, key, language),
            text_in=lambda texts: text_in(texts, language),
            day=lambda at: day_in_words(at, zone, language, now=page.now),
            moment=lambda at: moment_in_words(at, zone, language, now=page.now),
            **values,
        )
    )


def answer(html: str, page: Page, status_code: int = 200, **headers: str) -> HTMLResponse:
    """A whole page as an answer. headers: others than `SECURITY_HEADERS`, `_` for `-`."""
    others = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return HTMLResponse(
        html, status_code=status_code, headers=SECURITY_HEADERS | others | {"Content-Language": page.language}
    )
