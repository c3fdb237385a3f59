"""The result for people, as lines of text, and for programs, as one JSON object."""

import textwrap
from collections.abc import Iterator
from typing import Any

from atiende.open311_check.grading import Grade, Report
from atiende.open311_check.verdicts import MUST, Result
from kernel.i18n import translate

_MIN_WIDTH = 60


def lines(report: Report, language: str, width: int = 110) -> Iterator[str]:
    """One line per rule, grouped by section; a detail under every rule that did not pass."""
    section = ""
    for grade in report.grades:
        if grade.rule.section != section:
            section = grade.rule.section
            yield ""
            yield section
        yield from _of(grade, language, max(width, _MIN_WIDTH))
    yield ""
    yield from _summary(report, language)


def _of(grade: Grade, language: str, width: int) -> Iterator[str]:
    rule, verdict = grade.rule, grade.verdict
    head = f"  {_mark(grade, language):<10} {rule.level:<9} {rule.id:<32} "
    yield from textwrap.wrap(head + translate(language, rule.sentence), width, subsequent_indent=" " * 23) or [head]
    if verdict.detail:
        indent = " " * 13
        yield from textwrap.wrap(
            f"→ {verdict.detail_in(language)} [{rule.source}]",
            width,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
        )


def _mark(grade: Grade, language: str) -> str:
    result = grade.verdict.result
    if result is Result.FAILED:
        return translate(language, "FALLA") if grade.rule.level == MUST else translate(language, "aviso")
    if result is Result.PASSED:
        return translate(language, "bien")
    if result is Result.NOT_TRIED:
        return translate(language, "sin probar")
    return translate(language, "no aplica") if result is Result.NOT_APPLICABLE else translate(language, "DEFECTO")


def _summary(report: Report, language: str) -> Iterator[str]:
    if not report.is_reachable:
        failure = next((g.verdict.detail_in(language) for g in report.grades if g.verdict.detail), "")
        yield translate(language, "{root} no responde. {detail}", root=report.root, detail=failure)
        return
    for level, counts in report.by_result.items():
        yield translate(
            language,
            "{level}: {passed} bien, {failed} mal, {not_tried} sin probar, {not_applicable} no aplican",
            level=f"{level:<9}",
            **{result.value: counts.get(result.value, 0) for result in Result},
        )
    yield translate(language, "{count} preguntas a {root}", count=report.questions, root=report.root)
    if report.has_full_marks:
        yield translate(language, "Cumple todo lo que se revisó.")
    elif report.count(Result.NOT_TRIED):
        yield translate(language, "Lo que no se probó no cuenta como bueno: faltan --write y --api-key.")


def as_json(report: Report, language: str) -> dict[str, Any]:
    return {
        "root": report.root,
        "reachable": report.is_reachable,
        "full_marks": report.has_full_marks,
        "questions": report.questions,
        "exit_code": report.exit_code,
        "summary": report.by_result,
        "rules": [
            {
                "id": grade.rule.id,
                "section": grade.rule.section,
                "level": grade.rule.level,
                "source": grade.rule.source,
                "sentence": translate(language, grade.rule.sentence),
                "result": grade.verdict.result,
                "detail": grade.verdict.detail_in(language) or None,
            }
            for grade in report.grades
        ],
    }
