"""The life of a one-time code that proves that two addresses are one person's. Pure.

    open ── the right code ──> proved
      ├──── the fifth wrong ──> used_up
      ├──── ten minutes ──────> expired
      └──── another one asked > replaced

Nothing leads back to `open`.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

DIGITS = 6
LIVES_FOR = timedelta(minutes=10)
MOST_TRIES = 5
# For so long whoever types a code that does not serve any more is told so; later six digits are six digits.
REMEMBERED_FOR = timedelta(hours=1)

State = Literal["open", "proved", "used_up", "expired", "replaced"]
Verdict = Literal["right", "wrong", "used_up", "expired", "over"]
_TYPED = re.compile(r"(?:\d[\s\-.]*){6}")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a code is in its life. tries: wrong ones."""

    state: State
    tries: int
    asked_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.asked_at + LIVES_FOR

    @property
    def left(self) -> int:
        """How many more tries there are."""
        return max(0, MOST_TRIES - self.tries)

    def at(self, now: datetime) -> "Standing":
        """As it is then: time alone ends an open one."""
        return replace(self, state="expired") if self.state == "open" and now >= self.expires_at else self


def judge(code: Standing, *, fits: bool, now: datetime) -> tuple[Standing, Verdict]:
    """What becomes of a code when somebody types one, and what to tell them. `over`: it was proved or replaced before."""
    code = code.at(now)
    if code.state in ("used_up", "expired"):
        return code, "used_up" if code.state == "used_up" else "expired"
    if code.state != "open":
        return code, "over"
    if fits:
        return replace(code, state="proved"), "right"
    tries = code.tries + 1
    if tries >= MOST_TRIES:
        return replace(code, state="used_up", tries=tries), "used_up"
    return replace(code, tries=tries), "wrong"


def new_code() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def read(text: str) -> str | None:
    """The six digits that somebody typed, however they spaced them; None for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not _TYPED.fullmatch(plain):
        return None
    return "".join(str(unicodedata.decimal(letter)) for letter in plain if letter.isdecimal())
