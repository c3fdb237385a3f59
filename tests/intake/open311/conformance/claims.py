"""What cases say of answers, in words."""

from collections.abc import Callable
from typing import Any

from tests.intake.open311.conformance.desk import Desk

Claim = Callable[[Desk, Any], object]


def same(path: str, query: str = "") -> Claim:
    """The answer is that of another call."""
    return lambda desk, value: value == desk.get(path, query)


def folios(*names: str) -> Claim:
    """The list holds these requests of the world, in this order."""
    return lambda desk, value: [item["service_request_id"] for item in value] == [desk.world[name] for name in names]


def empty(desk: Desk, value: Any) -> bool:
    return bool(value == [])


def has(**fields: Any) -> Claim:
    """The answer, or its only item, has these values."""

    def claim(desk: Desk, value: Any) -> bool:
        item = value[0] if isinstance(value, list) else value
        return all(
            item[name] == desk._fill(said) if isinstance(said, str) else item[name] == said
            for name, said in fields.items()
        )

    return claim


def reads_back(**fields: Any) -> Claim:
    """The request that was made shows these values."""
    return lambda desk, value: has(**fields)(desk, desk.get(f"requests/{value[0]['service_request_id']}"))
