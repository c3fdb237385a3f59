"""What may follow what in the life of an outbound message. Pure.

Providers report out of order and more than once, so states are ranked and a message only ever climbs: every order of the
same reports ends in the same state. That a phone has the text outranks any failure reported of it.
"""

_RANKS = {
    "queued": 0,
    "suppressed": 0,
    "sending": 1,
    "uncertain": 1,
    "accepted": 2,
    "sent": 3,
    "failed": 4,
    "undelivered": 5,
    "delivered": 6,
    "read": 7,
}


def later(known: str, reported: str) -> str:
    """The one of two states that stands. Raises KeyError for a state that is not an outbound one."""
    return reported if _RANKS[reported] > _RANKS[known] else known


def earlier_than(reported: str) -> list[str]:
    """The states of which `reported` is `later`."""
    return [known for known, rank in _RANKS.items() if rank < _RANKS[reported]]


def is_reportable(status: str) -> bool:
    """True for the states a provider can report."""
    return _RANKS.get(status, 0) >= _RANKS["accepted"]
