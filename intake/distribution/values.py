"""The numbers of the waiting line, and what its questions are answered with."""

from dataclasses import dataclass
from datetime import timedelta

GENERAL = "general"
# Before the code of a language, where it is a skill.
LANGUAGE = "lang:"

# Points of an operator's capacity: one call is all of it, four threads are.
COSTS = {"voice": 100, "text": 25, "callback": 100}
CAPACITY = 100

# How long an offer waits for an answer.
OFFER_S = {"voice": 15, "text": 30, "callback": 20}
# How long notes may take after the contact.
WRAP_S = {"voice": 60, "text": 60, "callback": 60}

# How long a person may be silent after an answer before the thread rests, and how long it rests before it is over.
REST_S = {"text": 180}
REST_ENDS = timedelta(hours=24)

# A desk says that it is there this often; one that is silent for longer than the lease is gone.
HEARTBEAT = timedelta(seconds=5)
LEASE = timedelta(seconds=12)

# An item is not shown again so soon to whoever let it pass, or said no.
SHUN_EXPIRED = timedelta(seconds=60)
SHUN_DECLINED = timedelta(seconds=120)


@dataclass(frozen=True)
class Estimate:
    """position: 1 is next. wait_s: None when nobody is there to answer."""

    position: int
    wait_s: int | None
