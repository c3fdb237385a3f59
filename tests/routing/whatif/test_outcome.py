"""What an outcome is drawn on."""

from shapely.geometry import box

from georef.boundaries import Area
from routing.values import Rule
from routing.whatif.compare import Comparison
from routing.whatif.outcome import measure, outcome
from routing.whatif.sides import Side, as_of
from tests.routing.cast import EAST_RULE, NOW, START, WEST_RULE, book, layers, rule

SECTOR = Area("S1", "Sector 1", box(-99.20, 19.30, -99.10, 19.50), START)


def test_a_draft_of_rules_alone_is_drawn_on_the_layer_that_its_rules_name() -> None:
    known = layers({"sector": [SECTOR]})
    water = rule("AGUA", "AGUAS", 10, service_group="agua", layer_key="sector", area_codes=["S1"])
    streets = rule("OBRAS-1", "OBRAS", 20, service_code="BACHE", layer_key="district", area_codes=["W"])

    def side(*rules: Rule) -> Side:
        return as_of(book(WEST_RULE, EAST_RULE, water, *rules), known, START)

    asked = Comparison(side(), side(streets))
    geometry = measure(asked, [], [], NOW)
    told = outcome(asked, geometry, [], {})
    assert [drawn["layer"] for drawn in told["maps"]] == ["district"]
