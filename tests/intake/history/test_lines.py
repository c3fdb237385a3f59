"""What a row looks like on its way into the database."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from intake.history.lines import COLUMNS, Register, copy_lines, row_id
from intake.history.rows import Past
from tests.intake.history.conftest import Reader

REGISTER = Register("jacaranda.example", "old-311", "es", ZoneInfo("America/Mexico_City"), None)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.integers(0, 4 * 10**15).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
whole_seconds = instants.map(lambda at: at.replace(microsecond=0))


def past(requested_at: datetime, source_id: str = "R1") -> Past:
    closed_at = requested_at + timedelta(hours=3)
    return Past(
        line=2,
        source_id=source_id,
        service_code="BACHE",
        requested_at=requested_at,
        updated_at=closed_at,
        life="closed",
        outcome_code="resolved",
        closed_at=closed_at,
        expected_at=None,
        channel="import",
        agency_code=None,
        lon=None,
        lat=None,
    )


@given(st.one_of(instants, whole_seconds), st.text(min_size=1, max_size=20))
def test_a_row_keeps_its_id(at: datetime, source_id: str) -> None:
    key = f"jacaranda.example\0old-311\0{source_id}".encode("utf-8", "surrogatepass")
    chance = int.from_bytes(blake2b(key, digest_size=10).digest(), "big")
    made = UUID(row_id(REGISTER, past(at, source_id)))
    assert made.version == 7
    assert made.int >> 80 == int(at.timestamp() * 1000)
    assert (made.int >> 64 & 0xFFF, made.int & (1 << 62) - 1) == (chance >> 62 & 0xFFF, chance & (1 << 62) - 1)


def test_the_id_of_a_row_that_an_earlier_release_brought_in() -> None:
    at = datetime(2019, 1, 1, 5, 3, 20, tzinfo=UTC)
    assert row_id(REGISTER, past(at)) == "016807cb71c072f689332f8474fb8f84"


@given(st.text(st.sampled_from("ab ñ\\\t\n\r\v\b\u2028'\"{}.") | st.characters(codec="utf-8"), max_size=40))
def test_a_text_arrives_as_it_was_read_however_plain_it_is(words: str) -> None:
    row = Reader()(words=words, id=f"A{words}Z")
    unlooked = replace(row, is_plain=False)
    (line,), (other,) = copy_lines(REGISTER, [row], ["1900000017"]), copy_lines(REGISTER, [unlooked], ["1900000017"])
    assert line == other
    assert line.count("\n") == 1
    written = dict(zip(COLUMNS, line.rstrip("\n").split("\t"), strict=True))
    assert _unescaped(written["description"]) == row.description
    assert _unescaped(written["source_id"]) == row.source_id


def _unescaped(written: str) -> str:
    signs = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
    return re.sub(r"\\(.)", lambda found: signs.get(found[1], found[1]), written)


@given(st.one_of(instants, whole_seconds))
def test_instants_are_written_as_they_are(at: datetime) -> None:
    (line,) = copy_lines(REGISTER, [past(at)], ["1900000017"])
    written = dict(zip(COLUMNS, line.rstrip("\n").split("\t"), strict=True))
    for name, expected in (("requested_at", at), ("closed_at", at + timedelta(hours=3))):
        assert datetime.fromisoformat(written[name]) == expected
        assert written[name].endswith(("+00", "+00:00"))
