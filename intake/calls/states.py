"""What may follow what in the life of a call. Pure.

Providers report out of order and more than once, so states are ranked and a call only ever climbs: every order of the same
reports ends in the same state. That people talked outranks any other end that is reported of it.
"""

_RANKS = {
    "queued": 0,
    "ringing": 1,
    "in_progress": 2,
    "no_answer": 3,
    "busy": 4,
    "canceled": 5,
    "failed": 6,
    "completed": 7,
}

# The provider's words.
REPORTED = {
    "queued": "queued",
    "initiated": "queued",
    "ringing": "ringing",
    "in-progress": "in_progress",
    "answered": "in_progress",
    "completed": "completed",
    "busy": "busy",
    "failed": "failed",
    "no-answer": "no_answer",
    "canceled": "canceled",
}
STATES = tuple(_RANKS)
ENDS = tuple(state for state, rank in _RANKS.items() if rank > _RANKS["in_progress"])


def later(known: str, reported: str) -> str:
    """The one of two states that stands. Raises KeyError for what is no state of a call."""
    return reported if _RANKS[reported] > _RANKS[known] else known


def is_over(state: str) -> bool:
    """True once nobody is on the line any more."""
    return state in ENDS
