"""Every write on the waiting line, by the name others call it."""

from intake.distribution.agents import (
    database_now,
    grant_skill,
    heartbeat,
    revoke_skills,
    rise,
    set_capacity,
    sign_on,
    sit_beside,
)
from intake.distribution.estimating import estimate
from intake.distribution.items import (
    abandon,
    claim,
    complete,
    enqueue,
    extend_wrap,
    finish,
    live_of,
    note_callback_kept,
    open_queue,
    requeue_front,
    settle,
    take_place,
    wait_for_callback,
)
from intake.distribution.leaving import force_off, lapse, set_state, sign_off
from intake.distribution.offers import accept, decline, expire, offer
from intake.distribution.resting import answered, heard, rest

__all__ = [
    "abandon",
    "accept",
    "answered",
    "claim",
    "complete",
    "database_now",
    "decline",
    "enqueue",
    "estimate",
    "expire",
    "extend_wrap",
    "finish",
    "force_off",
    "grant_skill",
    "heard",
    "heartbeat",
    "lapse",
    "live_of",
    "note_callback_kept",
    "offer",
    "open_queue",
    "requeue_front",
    "rest",
    "revoke_skills",
    "rise",
    "set_capacity",
    "set_state",
    "settle",
    "sign_off",
    "sign_on",
    "sit_beside",
    "take_place",
    "wait_for_callback",
]
