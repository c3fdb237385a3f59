"""Writes to the queue. Each takes the session and `now`, records its event, and never commits."""

from intake.service_requests.change import add_note, change_status, lock, note_word
from intake.service_requests.quiet import want_no_notices, want_notices
from intake.service_requests.submit import give_up_key, submit, submit_or_find

__all__ = [
    "add_note",
    "change_status",
    "give_up_key",
    "lock",
    "note_word",
    "submit",
    "submit_or_find",
    "want_no_notices",
    "want_notices",
]
