"""When a city lets nobody's phone ring with news. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begins` to `ends` by the clock of `zone`, past midnight when it ends before it begins."""

    begins: time
    ends: time
    zone: ZoneInfo

    @classmethod
    def of(cls, settings: Mapping[str, Any], timezone: str) -> "QuietHours | None":
        """What the city folder says (`quiet_hours = ["21:00", "08:00"]`); None for a city that has none."""
        said = settings.get("quiet_hours")
        if not said:
            return None
        begins, ends = (time.fromisoformat(one) for one in said)
        return None if begins == ends else cls(begins, ends, ZoneInfo(timezone))

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet that reigns at `now` ends; None when none does."""
        local = now.astimezone(self.zone)
        clock = local.time()
        is_over_midnight = self.ends < self.begins
        if is_over_midnight:
            is_quiet = clock >= self.begins or clock < self.ends
        else:
            is_quiet = self.begins <= clock < self.ends
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=int(is_over_midnight and clock >= self.begins))
        return datetime.combine(day, self.ends, self.zone)
