"""`atiende where LON LAT`."""

from atiende.commands import place
from atiende.commands.output import write_json
from kernel import clock, db
from routing import queries


def run(lon: float, lat: float) -> None:
    """Prints every layer's areas at the point today. Raises InvalidInput for coordinates that are no point, or swapped."""
    point = place.read_point(lon, lat)
    place.connect()
    with db.transaction() as session:
        today = clock.now().date()
        place.refuse_swapped(session, point, today)
        held = queries.jurisdictions_at(session, point, today)
        city_id = held[0] if held else place.choose_city(session, None, point, today).id
        city = queries.city(session, city_id)
        on = city.rules.at(clock.now()).calendar.local_date(clock.now())
        layers = queries.areas_at(session, city_id, point, on)
        write_json(
            {
                "lon": point.lon,
                "lat": point.lat,
                "date": on.isoformat(),
                "jurisdiction_id": city_id,
                "jurisdictions": held,
                "layers": {
                    key: [
                        {"code": area.code, "name": area.name, "valid_from": area.valid_from.isoformat()}
                        for area in areas
                    ]
                    for key, areas in layers.items()
                },
            }
        )
