"""What XML cannot hold is U+FFFD in JSON too, whatever stands around it. Pure."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.open311.formats import FORBIDDEN, to_json

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
