"""From what a resident wrote about a place to a point, or to a few points to choose from, or honestly to none."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from channels.app.drafts import Answers
from georef.points import LonLat
from intake.catalog import queries as catalog
from routing import queries as routing
from routing.decide import OUTLINE
from routing.places import may_hold

# A match this good, and this far ahead of the next, is taken without asking.
_SURE_SCORE = 80.0
_CLEAR_LEAD = 5.0
_WORTH_OFFERING = 55.0
_MOST_OFFERED = 5
UNKNOWN_DISTRICT = "?"
# From here on a point says less of where it is than the district that somebody chose.
VAGUE_M = 200.0


def districts(session: Session, jurisdiction_id: str) -> list[tuple[str, str]]:
    """(name, name) of each district, for a select, in the order of their names."""
    layers = routing.city(session, jurisdiction_id).layers
    names = {area.name for area in layers["district"].index.areas} if "district" in layers else set()
    return [(name, name) for name in sorted(names)]


def placed(session: Session, jurisdiction_id: str, answers: Answers, *, now: datetime) -> Answers:
    """`answers` with a point when the words name one place, with candidates when they may name several, else as written."""
    district = "" if answers.district == UNKNOWN_DISTRICT else answers.district
    answers = answers.changed(
        district=district, lon=None, lat=None, precision_m=None, place_label="", candidates=[], place_done=True
    )
    text = ", ".join(part for part in (answers.street, answers.colonia, district) if part)
    found = routing.locate(session, jurisdiction_id, text, limit=_MOST_OFFERED) if text else []
    offered = [match for match in found if match.score >= _WORTH_OFFERING]
    if not offered:
        return answers
    best = offered[0]
    alone = len(offered) == 1 or best.score - offered[1].score >= _CLEAR_LEAD
    # The district was chosen from a list: a place elsewhere, however well it matches, is asked about.
    agrees = not district or district in _districts_at(session, jurisdiction_id, best.point, now)
    if best.score >= _SURE_SCORE and alone and agrees:
        return chosen(
            answers,
            {
                "label": best.label,
                "lon": best.point.lon,
                "lat": best.point.lat,
                "precision_m": best.precision_m,
            },
        )
    candidates = [
        {"label": match.label, "lon": match.point.lon, "lat": match.point.lat, "precision_m": match.precision_m}
        for match in offered
    ]
    return answers.changed(candidates=candidates, place_done=False)


def _districts_at(session: Session, jurisdiction_id: str, point: LonLat, now: datetime) -> set[str]:
    on = catalog.today(session, jurisdiction_id, now)
    return {area.name for area in routing.areas_at(session, jurisdiction_id, point, on).get("district", [])}


def chosen(answers: Answers, candidate: dict[str, Any]) -> Answers:
    """`answers` at one of its candidates."""
    return answers.changed(
        lon=candidate["lon"],
        lat=candidate["lat"],
        precision_m=candidate["precision_m"],
        place_label=candidate["label"],
        candidates=[],
        place_done=True,
    )


def said(session: Session, jurisdiction_id: str, answers: Answers, *, now: datetime) -> dict[str, str]:
    """What the chosen district settles (`routing.queries.route`): an avenue's middle may lie in another one.

    Nothing for a point that is known better than that, or that cannot be in that district.
    """
    precision_m = answers.precision_m or 0.0
    if answers.point is None or not answers.district or precision_m < VAGUE_M:
        return {}
    layers, on = routing.city(session, jurisdiction_id).layers, catalog.today(session, jurisdiction_id, now)
    known = layers["district"].index.in_force(on).areas if "district" in layers else ()
    area = next((area for area in known if area.name == answers.district), None)
    if area is None or not may_hold(layers["district"], area.code, answers.point, precision_m, on):
        return {}
    outline = layers[OUTLINE].index.in_force(on).areas if OUTLINE in layers else ()
    return {"district": area.code} | ({OUTLINE: outline[0].code} if len(outline) == 1 else {})
