"""Whom to call about a place that is not ours, as something to tap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """`phone` as people read it, `tel` as a telephone dials it."""

    phone: str
    tel: str


def call_of(receipt: Mapping[str, Any] | None) -> Call | None:
    """Who serves a place outside, by the routing receipt; None when nobody is known, or only a way to write to them."""
    served = (receipt or {}).get("elsewhere") or {}
    phone = str(served.get("phone") or "")
    tel = "".join(sign for sign in phone if sign.isdigit() or sign in "+*#")
    return Call(phone, tel) if len(tel) >= 3 and "@" not in phone else None
