"""What XML cannot hold is U+FFFD in JSON too, whatever stands around it, and whatever is printed can be printed in XML. Pure."""

from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.open311.details import PARTS
from intake.open311.formats import FORBIDDEN, to_json, to_xml

# Whatever JSON escapes, what looks like an escape without being one, and the neighbours of what is refused.
_MARKS = [
    "\\",
    "b",
    "f",
    "u00",
    '"',
    "\n",
    "\t",
    "\x07",
    "\x08",
    "\x0c",
    "\x1f",
    "\ud800",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "ﾟ",
    "ñ",
]


@given(st.lists(st.one_of(st.sampled_from(_MARKS), st.text(max_size=3)), max_size=12).map("".join))
def test_a_text_is_printed_with_its_forbidden_characters_replaced(text: str) -> None:
    assert orjson.loads(to_json([{"description": text}])) == [{"description": FORBIDDEN.sub("\ufffd", text)}]


@pytest.mark.parametrize("text", [r"C:\bin\foto\u0007", 'dijo "sí"\nquizá\\', "ﾟＡ\ufffd"])
def test_what_only_looks_forbidden_stays(text: str) -> None:
    assert orjson.loads(to_json([{"description": text}])) == [{"description": text}]


def test_every_part_that_the_documentation_shows_can_be_written_in_xml() -> None:
    page = (Path(__file__).parents[3] / "docs" / "open311.md").read_text(encoding="utf-8")
    shown = orjson.loads(page.partition("### `extended_attributes`")[2].partition("```json")[2].partition("```")[0])
    assert list(shown) == list(PARTS)
    (request,) = ElementTree.fromstring(to_xml("service_requests", [{"extended_attributes": shown}]))
    (written,) = request
    assert [part.tag for part in written] == list(PARTS)
    for part in written:
        value = shown[part.tag]
        assert len(part) == (len(value) if isinstance(value, list | dict) else 0), part.tag
