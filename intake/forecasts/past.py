"""Past requests as `routing.forecasts` counts them."""

import math
from datetime import datetime
from typing import Any

import numpy as np
from sqlmodel import Session

from intake.catalog.models import Jurisdiction
from intake.forecasts.config import ForecastConfig
from routing.forecasts import Cases

# An end that says nothing about how long the city takes: such a request was only watched until then.
NO_ANSWER = ("duplicate", "cancelled_by_resident", "outside_jurisdiction")
_ROWS = """
    SELECT r.service_code, COALESCE(r.areas->%(layer)s->0->>'code', ''), COALESCE(s.group_code, ''),
           extract(epoch FROM r.requested_at)::float8, extract(epoch FROM r.closed_at)::float8,
           COALESCE(r.outcome_code, '') <> ALL(%(no_answer)s)
      FROM service_request r
      LEFT JOIN service s ON s.jurisdiction_id = r.jurisdiction_id AND s.code = r.service_code
     WHERE r.jurisdiction_id = %(city)s AND r.requested_at >= %(since)s AND r.channel <> ALL(%(staff)s)
"""
_CHUNK = 50_000


def cases_of(session: Session, city: Jurisdiction, *, since: datetime) -> Cases:
    """The city's requests from `since` on that residents made."""
    config = ForecastConfig.of(city.settings)
    values = {
        "city": city.id,
        "layer": config.area_layer,
        "since": since,
        "staff": list(config.staff_channels),
        "no_answer": list(NO_ANSWER),
    }
    numbers: tuple[dict[str, int], ...] = ({}, {}, {})
    parts: list[np.ndarray[Any, np.dtype[np.float64]]] = []
    rows = session.connection().exec_driver_sql(_ROWS, values, execution_options={"yield_per": _CHUNK})
    for chunk in rows.partitions():
        parts.append(
            np.array(
                [
                    (
                        numbers[0].setdefault(service, len(numbers[0])),
                        numbers[1].setdefault(area, len(numbers[1])) if area else -1,
                        numbers[2].setdefault(group, len(numbers[2])),
                        opened,
                        math.nan if ended is None else ended,
                        is_answer,
                    )
                    for service, area, group, opened, ended, is_answer in chunk
                ],
                dtype=np.float64,
            )
        )
    table = np.concatenate(parts) if parts else np.empty((0, 6))
    service, area, group = (table[:, column].astype(np.int64) for column in range(3))
    return Cases(
        list(numbers[0]), list(numbers[1]), list(numbers[2]), service, area, group,
        opened=table[:, 3], ended=table[:, 4], is_answer=table[:, 5].astype(np.bool_),
    )  # fmt: skip
