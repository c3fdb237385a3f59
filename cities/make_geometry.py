"""Draws the two fictional cities from `plan.toml`: boundary layers, places and basemaps, always the same bytes.

Run `python cities/make_geometry.py` from the repository after a change of the plan. Everything is measured on the plan's
own grid (units of 50 m) and turned into degrees at the very end, rounded to 1e-6 (about 0.1 m).
"""

import csv
import json
import math
import random
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from shapely import affinity, transform, voronoi_polygons
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

HERE = Path(__file__).resolve().parent
BORDER_STEP, BORDER_SWAY = 6.0, 1.6  # units between the vertices of a wobbled border, and how far they stray
STREET_WIDTHS = {3: "primary", 2: "avenue", 1: "street"}

Shape = BaseGeometry


class Valley:
    """Both cities on the plan's grid."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.nodes = {name: tuple(map(float, xy)) for name, xy in plan["nodes"].items()}
        self.districts = {d["code"]: d | {"shape": self._ring(d["ring"])} for d in plan["district"]}
        for enclave in plan["enclave"]:
            ground = blob(enclave["centre"], [enclave["radius"]] * 2, seed=str(enclave))
            giver, taker = self.districts[enclave["from"]], self.districts[enclave["to"]]
            giver["shape"] = giver["shape"].difference(ground)
            taker["shape"] = MultiPolygon([*parts(taker["shape"]), ground])
        self.water = [(w["name"], blob(w["centre"], w["radii"], seed=w["name"])) for w in plan["water"]]
        self.parks = [(p["code"], p["name"], blob(p["centre"], p["radii"], seed=p["name"])) for p in plan["park"]]
        self.colonias = self._colonias()

    def _ring(self, names: list[str]) -> Polygon:
        points: list[tuple[float, float]] = []
        for start, end in zip(names, names[1:] + names[:1], strict=True):
            points += self._border(start, end)[:-1]
        return Polygon(points)

    def _border(self, start: str, end: str) -> list[tuple[float, float]]:
        """The line between two nodes: the same for both neighbours."""
        first, last = sorted((start, end))
        drawn = self.plan["borders"].get(f"{first}-{last}")
        a, b = self.nodes[first], self.nodes[last]
        if drawn is None:
            chance = random.Random(f"{first}-{last}")  # noqa: S311  # the same line every time, nothing secret
            steps = max(2, round(math.dist(a, b) / BORDER_STEP))
            drawn = [
                (
                    a[0] + (b[0] - a[0]) * i / steps + chance.uniform(-BORDER_SWAY, BORDER_SWAY),
                    a[1] + (b[1] - a[1]) * i / steps + chance.uniform(-BORDER_SWAY, BORDER_SWAY),
                )
                for i in range(1, steps)
            ]
        line = [a, *map(tuple, drawn), b]
        return line if start == first else line[::-1]

    def city(self, folder: str) -> list[dict[str, Any]]:
        return [d for d in self.districts.values() if d["city"] == folder]

    def outline(self, folder: str) -> Shape:
        return unary_union([d["shape"] for d in self.city(folder)])

    def _colonias(self) -> dict[tuple[str, str], Shape]:
        """(district, name) -> shape: nearest-seed shares, then what is drawn on top, then overlaps and gaps."""
        made: dict[tuple[str, str], Shape] = {}
        lakes = unary_union([shape for _, shape in self.water])
        hills = unary_union([shape for code, _, shape in self.parks if code in ("PK-2", "PK-4")])
        for code, seeds in self.plan["colonias"].items():
            ground = self.districts[code]["shape"]
            if code in self.plan["urban"]:
                ground = ground.intersection(unary_union([Polygon(ring) for ring in self.plan["urban"][code]]))
            ground = ground.difference(lakes).difference(hills)
            points = [Point(x, y) for _, x, y in seeds]
            cells = voronoi_polygons(MultiPoint(points), extend_to=box(-100, -20, 560, 480)).geoms
            for (name, _, _), point in zip(seeds, points, strict=True):
                cell = next(cell for cell in cells if cell.contains(point))
                made[code, name] = largest_parts(cell.intersection(ground), minimum=1.0)
        city = {folder: self.outline(folder) for folder in ("jacaranda", "encinos")}
        for special in self.plan["special_colonia"]:
            home = city[self.districts[special["district"]]["city"]]
            shape = blob(special["centre"], special["radii"], seed=special["name"]).intersection(home).difference(lakes)
            made = {key: largest_parts(other.difference(shape), minimum=0.2) for key, other in made.items()}
            made[special["district"], special["name"]] = shape
        for code, name, metres in self.plan["adjusted"]["overlaps"]:
            made[code, name] = made[code, name].buffer(metres / 50).intersection(self.districts[code]["shape"])
        for code, name, metres in self.plan["adjusted"]["gaps"]:
            made[code, name] = made[code, name].buffer(-metres / 50)
        return made

    def streets(self, folder: str) -> list[dict[str, Any]]:
        """Main streets as drawn, then each district's side streets, clipped to its colonias."""
        drawn = self.plan["street" if folder == "jacaranda" else "encinos_street"]
        found = [s | {"shape": LineString(s["line"]), "district": None} for s in drawn]
        for district in self.city(folder):
            angle, spacing, across, along = self.plan["grids"][district["code"]]
            lived_in = unary_union([s for (code, _), s in self.colonias.items() if code == district["code"]])
            built = largest_parts(lived_in.buffer(0.5).intersection(district["shape"]), minimum=40.0)
            middle = max(parts(built), key=lambda part: part.area).representative_point()
            for names, turn in ((across, angle), (along, angle + 90)):
                for index, name in enumerate(names):
                    offset = (index - (len(names) - 1) / 2) * spacing
                    line = LineString([(middle.x - 120, middle.y + offset), (middle.x + 120, middle.y + offset)])
                    line = affinity.rotate(line, turn, origin=middle).intersection(built)
                    longest = max(parts(line), key=lambda part: part.length, default=None)
                    if longest is not None and longest.length > spacing:
                        found.append(
                            {"name": name, "aliases": [], "width": 1, "shape": longest, "district": district["code"]}
                        )
        return found


def blob(centre: list[float], radii: list[float], *, seed: str) -> Polygon:
    """An uneven round shape with 24 corners."""
    chance = random.Random(seed)  # noqa: S311  # the same shape every time, nothing secret
    ring = []
    for index in range(24):
        turn, stretch = index / 24 * math.tau, chance.uniform(0.88, 1.08)
        ring.append((centre[0] + radii[0] * stretch * math.cos(turn), centre[1] + radii[1] * stretch * math.sin(turn)))
    return Polygon(ring)


def parts(shape: Shape) -> list[Any]:
    """The polygons or lines a shape is made of."""
    if shape.is_empty:
        return []
    return [p for p in getattr(shape, "geoms", [shape]) if p.geom_type in ("Polygon", "LineString")]


def largest_parts(shape: Shape, *, minimum: float) -> Shape:
    """`shape` without slivers under `minimum` square units (one is 2,500 m²)."""
    kept = [part for part in parts(shape) if part.area >= minimum]
    return kept[0] if len(kept) == 1 else MultiPolygon(kept)


class Degrees:
    """From the plan's grid to EPSG:4326, lon-lat."""

    def __init__(self, projection: dict[str, float]) -> None:
        self.p = projection
        self.lon_step = projection["metres"] / (111_320 * math.cos(math.radians(projection["lat"])))
        self.lat_step = projection["metres"] / 110_720

    def point(self, x: float, y: float) -> tuple[float, float]:
        lon = self.p["lon"] + (x - self.p["x"]) * self.lon_step
        return round(lon, 6), round(self.p["lat"] - (y - self.p["y"]) * self.lat_step, 6)

    def shape(self, shape: Shape) -> Shape:
        return transform(shape, lambda grid: np.array([self.point(x, y) for x, y in grid]))


def write_layer(path: Path, rows: list[tuple[str, str, Shape]], degrees: Degrees) -> None:
    """One feature a line, so that a change of one area is a change of one line."""
    lines = []
    for code, name, shape in rows:
        geometry = mapping(degrees.shape(shape))
        feature = {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n")


def sectors(valley: Valley, seeds: list[list[float]]) -> list[tuple[str, str, Shape]]:
    """The water operator's sectors: the whole city, shared out to the nearest seed."""
    ground = valley.outline("jacaranda")
    points = [Point(*seed) for seed in seeds]
    cells = voronoi_polygons(MultiPoint(points), extend_to=box(-100, -20, 560, 480)).geoms
    shapes = [next(c for c in cells if c.contains(point)).intersection(ground) for point in points]
    return [(f"SH-{i}", n, s) for i, (n, s) in enumerate(zip(valley.plan["sectors"]["names"], shapes, strict=True), 1)]


def colonia_rows(valley: Valley, folder: str) -> list[tuple[str, str, Shape]]:
    rows, counts = [], {}
    for (code, name), shape in valley.colonias.items():
        if valley.districts[code]["city"] == folder:
            counts[code] = counts.get(code, 0) + 1
            rows.append((f"{code}-{counts[code]:02d}", name, shape))
    return rows


def places(valley: Valley, folder: str, degrees: Degrees) -> Iterator[tuple[Any, ...]]:
    """kind, name, lon, lat, precision_m, aliases, context. Crossings are where two named lines meet."""
    streets, plan = valley.streets(folder), valley.plan
    colonias = colonia_rows(valley, folder)

    def context(point: Point) -> str:
        inside = [name for _, name, shape in colonias if shape.contains(point)]
        district = [d["name"] for d in valley.city(folder) if d["shape"].contains(point)]
        return ", ".join(inside[:1] + district[:1])

    for street in streets:
        middle = street["shape"].interpolate(0.5, normalized=True)
        reach = round(street["shape"].length * plan["projection"]["metres"] / 2)
        where = context(middle) if street["district"] else ""
        yield ("street", street["name"], *degrees.point(middle.x, middle.y), reach, street["aliases"], where)
    for index, first in enumerate(streets):
        for second in streets[index + 1 :]:
            meeting = first["shape"].intersection(second["shape"])
            if meeting.geom_type == "Point" and not meeting.is_empty:
                name = f"{first['name']} y {second['name']}"
                yield ("crossing", name, *degrees.point(meeting.x, meeting.y), 20, [], context(meeting))
    for name, x, y, *aliases in plan["landmarks"][folder]:
        yield ("landmark", name, *degrees.point(x, y), 60, aliases, context(Point(x, y)))


def basemap(valley: Valley, folder: str, degrees: Degrees) -> dict[str, Any]:
    """What a page draws under a point: rings and lines in lon-lat, see docs/add-a-city.md."""
    outline = valley.outline(folder)

    def rings(shape: Shape) -> list[Any]:
        return [[list(degrees.point(*xy)) for xy in part.exterior.coords] for part in parts(shape)]

    def near(shape: Shape) -> bool:
        return bool(shape.intersects(outline))

    west, south, east, north = degrees.shape(outline).bounds
    return {
        "bbox": [west, south, east, north],
        "land": [
            {"code": d["code"], "name": d["name"], "rings": rings(d["shape"].simplify(0.4))}
            for d in valley.city(folder)
        ],
        "streets": [
            {
                "name": s["name"],
                "width": s["width"],
                "line": [list(degrees.point(*xy)) for xy in s["shape"].coords],
            }
            for s in valley.streets(folder)
        ],
        "water": [{"name": name, "rings": rings(shape)} for name, shape in valley.water if near(shape)],
        "parks": [{"name": name, "rings": rings(shape)} for _, name, shape in valley.parks if near(shape)],
        "labels": [
            {"text": d["name"], "at": list(degrees.point(at.x, at.y))}
            for d in valley.city(folder)
            for at in [max(parts(d["shape"]), key=lambda part: part.area).representative_point()]
        ],
    }


def write_city(valley: Valley, city: dict[str, str], degrees: Degrees, target: Path) -> None:
    folder, code, name = city["folder"], city["code"], city["name"]
    layers = target / folder / "layers"
    write_layer(layers / "jurisdiction.geojson", [(code, name, valley.outline(folder))], degrees)
    districts = [(d["code"], d["name"], d["shape"]) for d in valley.city(folder)]
    write_layer(layers / "district.geojson", districts, degrees)
    write_layer(layers / "colonia.geojson", colonia_rows(valley, folder), degrees)
    if folder == "jacaranda":
        outline = valley.outline(folder)
        roads = [s for s in valley.plan["street"] if s["width"] == 3]
        for edition, listed in (
            ("2024", [r for r in roads if "class_from" not in r]),
            ("2026", roads),
        ):
            rows = [(r["code"], r["name"], LineString(r["line"]).intersection(outline)) for r in listed]
            write_layer(layers / f"primary_axis_{edition}.geojson", rows, degrees)
            seeds = valley.plan["sectors"][f"seeds_{edition}"]
            write_layer(layers / f"hydraulic_sector_{edition}.geojson", sectors(valley, seeds), degrees)
        parks = [(c, n, s) for c, n, s in valley.parks if c in ("PK-1", "PK-2", "PK-3", "PK-4")]
        write_layer(layers / "large_park.geojson", parks, degrees)
    with (target / folder / "places.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["kind", "name", "lon", "lat", "precision_m", "aliases", "context"])
        for *start, aliases, where in places(valley, folder, degrees):
            out.writerow([*start, "|".join(aliases), where])
    drawing = basemap(valley, folder, degrees)
    lines = [
        f'"{key}":{json.dumps(value, ensure_ascii=False, separators=(",", ":"))}' for key, value in drawing.items()
    ]
    (target / folder / "basemap.json").write_text("{" + ",\n".join(lines) + "}\n")


def main(target: Path = HERE) -> Valley:
    """Writes both cities below `target`."""
    plan = tomllib.loads((HERE / "plan.toml").read_text())
    valley, degrees = Valley(plan), Degrees(plan["projection"])
    for city in plan["city"]:
        write_city(valley, city, degrees, target)
    return valley


if __name__ == "__main__":
    drawn = main()
    sys.stdout.write(f"{len(drawn.colonias)} colonias, {len(drawn.districts)} districts\n")
