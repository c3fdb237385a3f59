"""The life of a work item: one table of steps. Pure; the simulation of the line walks the same table.

queued ──offer──► offered ──accept──► assigned ──wrap──► wrapping ──complete──► done
  ▲ ▲               │ │                  │ │                 │
  │ └───give_back───┘ │                  │ └────complete─────┼──────────────────► done
  └─────────┬─────────┼────give_back─────┘                   │
            │         └─abandon─► abandoned                  └ (a lost operator ends the wrap-up too)
            └─abandon, cancel─► abandoned, cancelled
"""

from kernel.errors import Conflict

QUEUED, OFFERED, ASSIGNED, WRAPPING = "queued", "offered", "assigned", "wrapping"
DONE, ABANDONED, CANCELLED = "done", "abandoned", "cancelled"

LIVE = frozenset({QUEUED, OFFERED, ASSIGNED, WRAPPING})
ENDED = frozenset({DONE, ABANDONED, CANCELLED})
HELD = frozenset({ASSIGNED, WRAPPING})

# step -> (from which states, to which one)
STEPS: dict[str, tuple[frozenset[str], str]] = {
    "offer": (frozenset({QUEUED}), OFFERED),
    "accept": (frozenset({OFFERED}), ASSIGNED),
    # By hand: out of the line, from under an offer, or from a colleague.
    "claim": (frozenset({QUEUED, OFFERED, ASSIGNED}), ASSIGNED),
    # Declined, let pass, transferred, or its operator was lost.
    "give_back": (frozenset({OFFERED, ASSIGNED}), QUEUED),
    "wrap": (frozenset({ASSIGNED}), WRAPPING),
    "complete": (frozenset({ASSIGNED, WRAPPING}), DONE),
    "abandon": (frozenset({QUEUED, OFFERED}), ABANDONED),
    "cancel": (frozenset({QUEUED, OFFERED}), CANCELLED),
}


def may(state: str, step: str) -> bool:
    return state in STEPS[step][0]


def after(state: str, step: str) -> str:
    """The state that this step leads to. Raises Conflict for a step that the table does not have."""
    sources, target = STEPS[step]
    if state not in sources:
        raise Conflict("Ese contacto ya cambió: míralo otra vez.")
    return target
