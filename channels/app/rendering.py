"""The pages of a report, out of the templates beside this file."""

from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse

from channels.resident.rendering import Page, answer, fill

_TEMPLATES = Path(__file__).with_name("templates")


def render(page: Page, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    """The page in the city's look."""
    return answer(fill(_TEMPLATES, page, template, **values), page, status_code)
