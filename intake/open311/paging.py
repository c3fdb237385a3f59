"""Where a page of a list begins, and how the next one is asked for. Pure.

A cursor is the place of one row in the order of its list, with the `now` of the walk's first page, so that a default window does
not move while somebody reads it. It finds its place by the index, whatever the page; `page=N` counts rows to get there.
"""

import base64
import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from intake.open311.filters import Filters, read_count
from intake.open311.forms import Fields
from kernel.errors import InvalidInput

MAX_ROWS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Version and order, direction, the walk's now, the row's key, the row's id.
_PACKED = struct.Struct(">BBqd16s")
_PACKED_INSTANT = struct.Struct(">BBqq16s")
_YEARS = (1900, 2300)


@dataclass(frozen=True, slots=True)
class Order:
    """`key`: what rows are ordered by, one of ORDERS; ties by id, in the same direction."""

    key: str
    is_descending: bool


REQUESTED, UPDATED, DISTANCE = "requested_datetime", "updated_datetime", "distance"
ORDERS = (REQUESTED, UPDATED, DISTANCE)
Key = datetime | float
Place = tuple[Key, UUID]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rows after (or before) the one with this key and id."""

    order: Order
    is_backward: bool
    now: datetime
    key: Key
    id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    order: Order
    size: int
    offset: int
    number: int
    cursor: Cursor | None


def read_cursor(query: Fields) -> Cursor | None:
    """Raises InvalidInput for what we cannot have given out."""
    value = query.one("cursor")
    if value is None:
        return None
    try:
        raw = base64.b64decode(value.strip().encode("ascii"), altchars=b"-_", validate=True)
        kind, is_backward, now, number, row_id = _PACKED_INSTANT.unpack(raw)
        order = Order(ORDERS[kind >> 1], bool(kind & 1))
        key: Key = _PACKED.unpack(raw)[3] if order.key == DISTANCE else _instant(number)
        # Not a number, and what is no place on Earth, are no distance either.
        if is_backward > 1 or (isinstance(key, float) and not 0 <= key < 1e9):
            raise ValueError(value)
        return Cursor(order, bool(is_backward), _instant(now), key, UUID(bytes=row_id))
    except (ValueError, IndexError, OverflowError, struct.error, binascii.Error):
        raise InvalidInput("Ese cursor no es de aquí: empieza por la primera página.", field="cursor") from None


def written(cursor: Cursor) -> str:
    kind = ORDERS.index(cursor.order.key) << 1 | cursor.order.is_descending
    packed, key = (_PACKED, cursor.key) if isinstance(cursor.key, float) else (_PACKED_INSTANT, _number(cursor.key))
    raw = packed.pack(kind, cursor.is_backward, _number(cursor.now), key, cursor.id.bytes)
    return base64.urlsafe_b64encode(raw).decode()


def read_page(query: Fields, filters: Filters, cursor: Cursor | None) -> Page:
    """Raises InvalidInput naming the parameter."""
    order = _order(query, filters)
    if cursor is not None and cursor.order != order:
        raise InvalidInput("Ese cursor es de otro orden: empieza por la primera página.", field="cursor")
    size = read_count(query, "page_size", MAX_ROWS, MAX_ROWS)
    number = read_count(query, "page", 1, 1_000_000)
    return Page(order, size, (number - 1) * size if cursor is None else 0, number, cursor)


def _order(query: Fields, filters: Filters) -> Order:
    asked = query.one("sort") or query.one("order_by")
    if asked is None:
        # Newest first, by the time that was asked about.
        return Order(REQUESTED if filters.requested is not None else UPDATED, True)
    name = asked.strip()
    key = name.lstrip("-+")
    allowed = ORDERS if filters.circle is not None else ORDERS[:2]
    if key not in allowed or len(name) > len(key) + 1:
        raise InvalidInput(
            "{name} debe ser uno de: {known}, con - para empezar por el final.",
            field="sort",
            name="sort",
            known=", ".join(allowed),
        )
    return Order(key, name.startswith("-"))


def links(kept: Sequence[tuple[str, str]], page: Page, rows: Sequence[Place], *, has_more: bool, now: datetime) -> str:
    """The value of `Link`, with addresses relative to the list's own.

    kept: the parameters that make the list what it is; rows: the place of each row of this page; has_more: whether there are
    rows beyond them in the direction that was read. An empty page only knows the first one.
    """

    list_itself = urlencode(kept)

    def link(rel: str, place: Place | None, *, is_backward: bool = False) -> str:
        parts = [list_itself] if list_itself else []
        if place is not None:
            parts.append(urlencode({"cursor": written(Cursor(page.order, is_backward, now, *place))}))
        return f'<?{"&".join(parts)}>; rel="{rel}"'

    is_backward = page.cursor is not None and page.cursor.is_backward
    is_first = page.cursor is None and page.offset == 0
    found = [link("first", None)]
    if rows and (has_more if is_backward else not is_first):
        found.append(link("prev", rows[0], is_backward=True))
    if rows and (is_backward or has_more):
        found.append(link("next", rows[-1]))
    return ", ".join(found)


def _number(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(number: int) -> datetime:
    at = _EPOCH + number * _MICROSECOND
    if not _YEARS[0] <= at.year < _YEARS[1]:
        raise ValueError(number)
    return at
