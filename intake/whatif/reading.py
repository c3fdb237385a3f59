"""An outcome in the reader's language: what the page and the report show alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from intake.whatif import pictures
from kernel.i18n import translate
from routing.whatif.tally import NOBODY

# Agencies with a line of their own and with a chart; the rest are one line.
_LINES = 12
_CHARTS = 8


@dataclass(frozen=True)
class Line:
    """One agency of the table; several of them in one when `count` is more than 1."""

    name: str
    before: int
    gains: int
    losses: int
    after: int
    bar: Markup
    count: int = 1


@dataclass(frozen=True)
class Map:
    """Two maps of a layer with a sentence each, which says what they show to who does not see them. `legend`: (class, text)."""

    title: str
    before: Markup
    after: Markup
    legend: Sequence[tuple[str, str]]


# What a map may show, by the key of the picture that draws it; areas are `hit` where they receive something.
_LEGEND = (
    ("pieces", "cambia de dueño"),
    ("hit", "zona que recibe"),
    ("edge", "límite que cambia"),
    ("old_edge", "límite de hoy"),
    ("holes", "sin zona"),
    ("overlaps", "en dos zonas"),
    ("dots", "solicitud que cambia"),
)


def _is_drawn(picture: Mapping[str, Any], sign: str) -> bool:
    return any(kind == "hit" for kind, _ in picture["areas"]) if sign == "hit" else bool(picture.get(sign))


class Reading:
    """Names, sentences and pictures of an outcome (`routing.whatif.outcome`)."""

    def __init__(self, outcome: Mapping[str, Any], language: str) -> None:
        self._outcome, self._language = outcome, language

    def agency(self, code: str) -> str:
        if code == NOBODY:
            return translate(self._language, "Nadie: fuera de la ciudad")
        return str(self._outcome["names"].get(code, code))

    def area(self, named: Sequence[str] | None) -> str:
        return str(named[1]) if named else translate(self._language, "sin zona")

    def layer(self, key: str) -> str:
        for layer in self._outcome["layers"]:
            if layer["key"] == key:
                return self._named(layer["name"], key)
        return key

    def _named(self, names: Mapping[str, str], key: str) -> str:
        return names.get(self._language) or names.get("es") or key

    def holes(self, layer: Mapping[str, Any]) -> str:
        """What the holes of a layer mean for who answers; empty without holes, and for runs of before, which did not ask."""
        if not layer["hole_count"] or "in_holes" not in layer:
            return ""
        if not layer["in_holes"]:
            return translate(self._language, "En los huecos no hubo ninguna solicitud.")
        return translate(
            self._language,
            "Solicitudes en los huecos: {n}. Perderían su dependencia: {lost}; a las demás las decide otra regla, o ya no las"
            " decidía ninguna.",
            n=f"{layer['in_holes']:,}",
            lost=f"{layer['lost_in_holes']:,}",
        )

    def size(self, m2: float) -> str:
        """Square metres, hectares or square kilometres."""
        if m2 < 10_000:
            return f"{round(m2):,} m²"
        if m2 < 1_000_000:
            return f"{m2 / 10_000:,.1f} ha"
        return f"{m2 / 1_000_000:,.1f} km²"

    def lines(self, most: int = _LINES) -> list[Line]:
        """Agencies by how much they move; those beyond `most`, and those that keep what they have, together in the last line."""
        agencies = self._outcome["agencies"]
        largest = max((abs(line["after"] - line["before"]) for line in agencies), default=0)
        moving = [line for line in agencies if line["gains"] or line["losses"]][:most]
        rest = [line for line in agencies if line not in moving]
        made = [self._line(self.agency(line["code"]), [line], largest) for line in moving]
        if len(rest) == 1:
            made.append(self._line(self.agency(rest[0]["code"]), rest, largest))
        elif rest:
            made.append(self._line(translate(self._language, "Otras {n}", n=len(rest)), rest, largest))
        return made

    def _line(self, name: str, held: Sequence[Mapping[str, int]], largest: int) -> Line:
        before, gains, losses, after = (
            sum(line[column] for line in held) for column in ("before", "gains", "losses", "after")
        )
        bar = pictures.difference_bar(after - before, largest, self._language)
        return Line(name, before, gains, losses, after, bar, len(held))

    def charts(self) -> list[tuple[str, Markup]]:
        """(name, chart) of the agencies whose weeks change most."""
        weeks = self._outcome["weeks"]
        changing = [line for line in weeks["agencies"] if line["before"] != line["after"]][:_CHARTS]
        if len(weeks["mondays"]) < 2:
            return []
        return [
            (
                self.agency(line["code"]),
                pictures.week_chart(
                    weeks["mondays"], line["before"], line["after"], self.agency(line["code"]), self._language
                ),
            )
            for line in changing
        ]

    def week_rows(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """(week, (before, after) for each changing agency), for those who want the numbers of the charts."""
        weeks = self._outcome["weeks"]
        changing = [line for line in weeks["agencies"] if line["before"] != line["after"]][:_CHARTS]
        return [
            (
                pictures.short_day(monday, self._language),
                [(line["before"][n], line["after"][n]) for line in changing],
            )
            for n, monday in enumerate(weeks["mondays"])
        ]

    def maps(self) -> list[Map]:
        """One for each layer that changes."""
        return [self._map(drawn, number) for number, drawn in enumerate(self._outcome["maps"])]

    def _map(self, drawn: Mapping[str, Any], number: int) -> Map:
        # A draft of rules alone is drawn on a layer that it does not change; runs of before have no name for it.
        name, after = self._named(drawn.get("name") or {}, self.layer(drawn["layer"])), drawn["after"]
        totals = self._outcome["totals"]
        now = translate(self._language, "Mapa de hoy: {layer}", layer=name)
        then = translate(
            self._language,
            "Mapa con el borrador: {layer}. Cambian de dependencia {n} solicitudes; la tabla dice de quién a quién.",
            layer=name,
            n=f"{totals['changed']:,}",
        )
        return Map(
            name,
            pictures.layer_map(drawn["before"], now, f"{number}b"),
            pictures.layer_map(after, then, f"{number}a"),
            [(sign, translate(self._language, text)) for sign, text in _LEGEND if _is_drawn(after, sign)],
        )

    def title(self) -> str:
        """What the draft does, in one sentence: the largest move between two agencies."""
        moves = self._outcome["moves"]
        if not moves:
            return translate(self._language, "Nada cambia de manos")
        first = moves[0]
        named = {"before": self.agency(first["before"]), "after": self.agency(first["after"])}
        others = self._outcome["totals"]["changed"] - first["requests"]
        if others > 0:
            return translate(
                self._language,
                "De {before} a {after}: {n}, y {others} más entre otras dependencias",
                n=f"{first['requests']:,}",
                others=f"{others:,}",
                **named,
            )
        return translate(
            self._language,
            "De {before} a {after}: {n} solicitud"
            if first["requests"] == 1
            else "De {before} a {after}: {n} solicitudes",
            n=f"{first['requests']:,}",
            **named,
        )

    def spot(self, at: Sequence[float]) -> str:
        """A longitude and latitude to a metre."""
        return f"{at[0]:.5f}, {at[1]:.5f}"
