"""Identifiers that sort by the time they were made, so that indexes grow at one end."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A fresh UUID version 7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    made: UUID = compat.uuid7()
    return made
