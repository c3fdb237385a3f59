from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from intake.history.mapping import HistoryMap, parse_map
from intake.history.rows import Known, Past, Translator

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Mexico_City")
COLUMNS = ["id", "opened", "closed", "status", "service", "words", "lon", "lat", "agency"]
ROW = dict(zip(COLUMNS, ["A-1", "2025-06-11T14:00", "", "Open", "Hoyo", "Un hoyo", "-99.15", "19.42", ""], strict=True))
RAW: dict[str, Any] = {
    "source": "old",
    "jurisdiction": "prueba.gob.example",
    "fields": {"source_id": "id", "description": "words"},
    "service": {"column": "service", "codes": {"Hoyo": "BACHE"}},
    "status": {"column": "status", "codes": {"Open": "new", "Closed": "closed"}},
    "agency": {"column": "agency", "unknown": "reject"},
    "dates": {"requested": "opened", "closed": "closed"},
    "point": {"lon": "lon", "lat": "lat"},
}


def mapped(**parts: Any) -> HistoryMap:
    """The map above, with parts exchanged."""
    return parse_map(RAW | parts)


class Reader:
    """Reads rows given as the cells that differ from an ordinary one."""

    def __init__(self, history_map: HistoryMap | None = None, columns: Sequence[str] = COLUMNS) -> None:
        known: Any = Known({"BACHE": None, "FUGA": None}, {"ALC-N"}, ZONE, NOW)  # type: ignore[dict-item]  # only codes count
        self.translator = Translator(history_map or mapped(), columns, known)

    def __call__(self, **cells: str) -> Past:
        return self.translator.read(2, list((ROW | cells).values()))


@pytest.fixture
def read() -> Reader:
    return Reader()
