"""What may follow what in the life of a leg and of a recording. Pure: whatever comes in whatever order, it climbs."""

_LEG = {"wanted": 0, "asked": 1, "ringing": 2, "joined": 3, "ended": 4}
_RECORDING = {
    "wanted": 0,
    "asked": 1,
    "recording": 2,
    "ended": 3,
    "absent": 4,
    "available": 5,
    "stored": 6,
    "destroyed": 7,
}
# Twilio's words for a call, as a leg has them; with why it ended.
LEG_STATUSES: dict[str, tuple[str, str]] = {
    "queued": ("asked", ""),
    "initiated": ("asked", ""),
    "ringing": ("ringing", ""),
    "in-progress": ("joined", ""),
    "answered": ("joined", ""),
    "completed": ("ended", "completed"),
    "busy": ("ended", "busy"),
    "no-answer": ("ended", "no_answer"),
    "canceled": ("ended", "canceled"),
    "failed": ("ended", "failed"),
}


def later_leg(known: str, reported: str) -> str:
    return reported if _LEG[reported] > _LEG[known] else known


def later_recording(known: str, reported: str) -> str:
    return reported if _RECORDING[reported] > _RECORDING[known] else known
