"""The report of a what-if: one HTML file with its maps and charts in it, which opens without a network and prints."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from intake.whatif import pictures
from intake.whatif.reading import Reading
from kernel import folio
from kernel.i18n import translate
from routing.whatif.compare import Change

if TYPE_CHECKING:
    from intake.whatif.files import Subject

_HERE = Path(__file__).parent


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["folio"] = folio.spaced
    return environment


def render_report(subject: "Subject", outcome: Mapping[str, Any], told: Sequence[Change], language: str) -> str:
    """The page. `told`: the first changed requests, which it lists one by one."""
    reading = Reading(outcome, language)
    made = subject.made_at.astimezone(subject.zone)
    return _templates().get_template("report.html").render(
        _=partial(translate, language),
        language=language,
        css=(_HERE / "report.css").read_text(encoding="utf-8"),
        pictures=pictures,
        subject=subject,
        services={code: names.get(language) or names.get("es") or code for code, names in subject.services.items()},
        first=pictures.short_day(subject.period.first, language),
        last=pictures.short_day(subject.period.last, language),
        made=f"{pictures.short_day(made.date(), language)}, {made:%H:%M}",
        outcome=outcome,
        reading=reading,
        told=told,
    )  # fmt: skip
