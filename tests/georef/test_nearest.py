"""The named place next to a point, as one would find it by looking at each."""

from hypothesis import given
from hypothesis import strategies as st

from georef.distances import distance_m
from georef.gazetteer import Gazetteer, Place
from georef.nearest import NearestPlaces
from georef.points import LonLat

points = st.builds(LonLat, st.floats(-99.2, -99.1), st.floats(19.3, 19.5))


@given(st.lists(points, max_size=12), points, st.floats(10, 20_000))
def test_it_is_the_one_that_is_found_by_looking_at_each(spots: list[LonLat], here: LonLat, within_m: float) -> None:
    places = [Place("crossing", f"A{n} / B", spot, 15) for n, spot in enumerate(spots)]
    found = NearestPlaces(places, {"crossing"}).to(here, within_m)
    away = {place: distance_m(here, place.point) for place in places}
    # Both measure on a flat grid, at latitudes that differ a little.
    if found is None:
        assert all(metres > within_m * 0.99 for metres in away.values())
    else:
        assert away[found] <= min(away.values()) * 1.01 + 0.01
        assert away[found] <= within_m * 1.01


def test_of_a_city_only_corners_say_where_one_is() -> None:
    here = LonLat(-99.15, 19.4)
    city = Gazetteer(
        [Place("colonia", "El Carmen", here, 300), Place("crossing", "Niebla / Sabinos", LonLat(-99.1505, 19.4), 15)]
    )
    corner = city.corner_near(here, 120)
    assert corner is not None
    assert corner.name == "Niebla / Sabinos"
    assert city.corner_near(here, 20) is None
