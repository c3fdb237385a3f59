"""Texts as a network approved them: read whole, and every mistake is named."""

from typing import Any

import pytest

from intake.city_folder.tables import Notes
from intake.city_folder.templates import read_templates


def test_templates_are_by_channel_text_and_language() -> None:
    notes = Notes()
    one = {"id": "HX1", "variables": ["folio", "agency"]}
    read = read_templates(notes, {"whatsapp": {"notice.closed_resolved": {"es": one, "en": {"id": "HX2"}}}})
    assert read == {"whatsapp": {"notice.closed_resolved": {"es": one, "en": {"id": "HX2", "variables": []}}}}
    assert notes.problems == []


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ({"whatsapp": "HX1"}, "templates.whatsapp"),
        ({"whatsapp": {"notice.x": "HX1"}}, "templates.whatsapp.notice.x"),
        ({"whatsapp": {"notice.x": {"fr": {"id": "HX1"}}}}, "templates.whatsapp.notice.x.fr"),
        ({"whatsapp": {"notice.x": {"es": {}}}}, "templates.whatsapp.notice.x.es.id"),
        (
            {"whatsapp": {"notice.x": {"es": {"id": "HX1", "variables": [1]}}}},
            "templates.whatsapp.notice.x.es.variables",
        ),
        ({"whatsapp": {"notice.x": {"es": {"id": "HX1", "body": "x"}}}}, "templates.whatsapp.notice.x.es.body"),
        ({"whatsapp": {"reply.x": {"es": {"id": "HX1"}}}}, "templates.whatsapp.reply.x.es.text"),
        (
            {"whatsapp": {"reply.x": {"es": {"id": "HX1", "variables": ["a"], "text": "{b}"}}}},
            "templates.whatsapp.reply.x.es.text",
        ),
        ({"whatsapp": {"reply.x": {"es": {"id": "HX1", "text": "{"}}}}, "templates.whatsapp.reply.x.es.text"),
    ],
)
def test_a_mistake_is_named_with_its_place(raw: dict[str, Any], where: str) -> None:
    notes = Notes()
    read_templates(notes, raw)
    assert where in [problem.where for problem in notes.problems]
