"""Items of lists as they were last written, kept in the process: the newest requests are read over and over by everybody.

Each is kept under all that it is made of: the version of the request's row, the agency's name, the city's version and with it the
catalogue's, the language, the format. What has changed is not found, and is written anew; nothing here can be stale.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

from intake.open311.context import City
from intake.open311.formats import Written, write_item
from intake.open311.projection import VERSION, as_georeport
from kernel.statements import Rows

# A kilobyte each, or a little more.
MOST_KEPT = 4096

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """What was used last: at most `most`, of which the older half is forgotten at once. Without a lock, at worst more is."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: Key) -> Value | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.keep(key, found)
        return found

    def keep(self, key: Key, value: Value) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = value


_written: Memory[tuple[str, tuple[bytes | None, ...]], bytes] = Memory(MOST_KEPT)


def written(root: str, rows: Rows, numbers: Iterable[int], city: City, fmt: str) -> Written:
    """The items of the rows with these numbers, in this order. Rows must have the columns of projection.VERSION."""
    made_of = f"{fmt} {city.language} {city.version}"
    keys = [(made_of, version) for version in rows.as_sent(VERSION)]
    found = {number: _written.get(keys[number]) for number in numbers}
    new = [number for number, item in found.items() if item is None]
    for number, item in zip(new, as_georeport([rows[number] for number in new], city), strict=True):
        found[number] = now = write_item(fmt, root, item)
        _written.keep(keys[number], now)
    return Written([item for item in found.values() if item is not None])
