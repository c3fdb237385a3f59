"""The only place that reads the wall clock. Everything below a handler or a job takes `now` as a parameter."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, UTC-aware, to the microsecond."""
    return datetime.now(UTC)
