"""Alerts written and read: valid by the standard's rules, the same after a round, and safe to read from anybody."""

import math
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from intake.incidents.cap.reading import MOST_BYTES, read_alert, read_any
from intake.incidents.cap.values import Alert, AlertArea, Info, Reference
from intake.incidents.cap.writing import instant, polygons, write_alert, write_feed
from kernel.errors import InvalidInput
from tests.intake.incidents.cap.rules import faults

AT = datetime(2026, 11, 19, 13, 0, tzinfo=timezone(timedelta(hours=-6)))
INFO = Info(
    event="Lluvia fuerte",
    category=("Met",),
    urgency="Immediate",
    severity="Severe",
    certainty="Observed",
    language="es-MX",
    headline="Lluvia fuerte en el sur",
    areas=(AlertArea("Sur", box(-99.2, 19.3, -99.1, 19.4)),),
)
ALERT = Alert("A-1", "smn@example.mx", AT, "Actual", "Alert", "Public", infos=(INFO,))

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=80).map(
    lambda text: text.strip() or "x"
)
tokens = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-@", min_size=1, max_size=30)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001  # hypothesis wants naive bounds
    lambda at: at.replace(microsecond=0, tzinfo=timezone(timedelta(hours=-6)))
)
boxes = st.tuples(st.integers(-170, 160), st.integers(-80, 70)).map(lambda at: box(at[0], at[1], at[0] + 1, at[1] + 2))
alerts = st.builds(
    Alert,
    identifier=tokens,
    sender=tokens,
    sent=instants,
    status=st.sampled_from(["Actual", "Test"]),
    message_type=st.just("Update"),
    scope=st.just("Public"),
    references=st.lists(st.builds(Reference, tokens, tokens, instants), min_size=1, max_size=3).map(tuple),
    infos=st.lists(
        st.builds(
            Info,
            event=words,
            category=st.just(("Met", "Infra")),
            urgency=st.just("Future"),
            severity=st.just("Minor"),
            certainty=st.just("Likely"),
            language=st.sampled_from(["es-MX", "en-US"]),
            expires=st.none() | instants,
            headline=words,
            description=words,
            areas=st.lists(st.builds(AlertArea, words, st.none() | boxes), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)


@given(alerts)
def test_what_is_written_is_valid_and_is_read_as_it_was(alert: Alert) -> None:
    document = write_alert(alert)
    assert faults(document) == []
    read = read_alert(document)
    assert (read.identifier, read.sender, read.sent, read.references) == (
        alert.identifier, alert.sender, alert.sent, alert.references,
    )  # fmt: skip
    for told, heard in zip(alert.infos, read.infos, strict=True):
        assert heard.headline == " ".join(told.headline.split())
        assert heard.expires == told.expires
        for area, again in zip(told.areas, heard.areas, strict=True):
            assert (area.shape is None) == (again.shape is None)
            assert area.shape is None or area.shape.equals(again.shape)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"<alert>{text}</alert>".encode()))
def test_nothing_that_is_sent_breaks_the_reading(document: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_alert(document)


def test_corners_are_latitude_first() -> None:
    (ring,) = polygons(box(-99.2, 19.3, -99.1, 19.4))
    assert "19.30000,-99.10000" in ring.split(" ")
    (area,) = read_alert(write_alert(ALERT)).infos[0].areas
    assert area.shape is not None
    assert shapely.contains_xy(area.shape, -99.15, 19.35)


def test_each_part_of_an_area_is_a_polygon_of_its_own_and_holes_are_filled() -> None:
    ring = box(0, 0, 3, 3).difference(box(1, 1, 2, 2))
    held = polygons(shapely.union_all([ring, box(5, 5, 6, 6)]))
    assert len(held) == 2


def test_utc_is_written_as_the_standard_wants_it() -> None:
    assert instant(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "2026-01-02T03:04:05-00:00"


def changed(**values: str) -> bytes:
    """The alert with the text of some elements replaced; "" takes the element away."""
    root = ElementTree.fromstring(write_alert(ALERT))
    for name, text in values.items():
        parent = next(parent for parent in root.iter() if parent.find(f"{{*}}{name}") is not None)
        child = parent.find(f"{{*}}{name}")
        assert child is not None
        if text:
            child.text = text
        else:
            parent.remove(child)
    return ElementTree.tostring(root)


@pytest.mark.parametrize(
    ("values", "element"),
    [
        ({"identifier": ""}, "identifier"),
        ({"identifier": "a b"}, "identifier"),
        ({"sender": "a,b"}, "sender"),
        ({"sent": "2026-11-19T13:00:00"}, "sent"),
        ({"sent": "2026-13-19T13:00:00-06:00"}, "sent"),
        ({"status": "Real"}, "status"),
        ({"msgType": "Update"}, "references"),
        ({"scope": ""}, "scope"),
        ({"category": "Weather"}, "category"),
        ({"severity": ""}, "severity"),
        ({"event": ""}, "event"),
        ({"areaDesc": ""}, "areaDesc"),
        ({"polygon": "19,-99 19,-98 20,-98"}, "polygon"),
        ({"polygon": "19,-99 19,-98 20,-98 18,-99"}, "polygon"),
        ({"polygon": "119,-99 19,-98 20,-98 119,-99"}, "polygon"),
        ({"polygon": "nan,-99 19,-98 20,-98 nan,-99"}, "polygon"),
        ({"polygon": "uno"}, "polygon"),
    ],
)
def test_what_the_standard_does_not_allow_is_named(values: dict[str, str], element: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_alert(changed(**values))
    assert refused.value.params["element"] == element


def test_a_utc_instant_with_z_is_read_all_the_same() -> None:
    assert read_alert(changed(sent="2026-11-19T19:00:00Z")).sent == AT


def test_a_circle_is_an_area() -> None:
    document = write_alert(ALERT)
    polygon = document[document.index(b"<polygon>") : document.index(b"</polygon>") + len(b"</polygon>")]
    (area,) = read_alert(document.replace(polygon, b"<circle>19.35,-99.15 2</circle>")).infos[0].areas
    assert area.shape is not None
    assert shapely.contains_xy(area.shape, -99.14, 19.36)
    assert not shapely.contains_xy(area.shape, -99.10, 19.35)
    with pytest.raises(InvalidInput):
        read_alert(document.replace(polygon, b"<circle>19.35,-99.15 -2</circle>"))


BOMB = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><alert>&b;</alert>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY a SYSTEM "file:///etc/passwd">]><alert>&a;</alert>"""


@pytest.mark.parametrize(
    "document",
    [
        BOMB, OUTSIDE, b"", b"{}", b"<a>" * 50 + b"</a>" * 50, b"x" * (MOST_BYTES + 1), b"<a>" + b"<b/>" * 30_000 + b"</a>",
     b'<?xml version="1.0" encoding="nonsense"?><a/>'],
)  # fmt: skip
def test_what_could_do_harm_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_any(document)


def test_a_feed_names_where_each_alert_is() -> None:
    feed = write_feed(
        address="https://311.example/incidentes.atom",
        title="Incidentes",
        author="Ciudad",
        updated=AT,
        alerts=[(ALERT, "https://311.example/incidentes/1.cap")],
    )
    assert read_any(feed) == ([], ["https://311.example/incidentes/1.cap"], [])
    rss = b"<rss><channel><item><link>https://smn.example/1.xml</link></item></channel></rss>"
    assert read_any(rss) == ([], ["https://smn.example/1.xml"], [])
    inside = b"<rss><channel><item>" + write_alert(ALERT).partition(b"?>")[2] + b"</item></channel></rss>"
    assert [alert.identifier for alert in read_any(inside)[0]] == ["A-1"]
    with pytest.raises(InvalidInput):
        read_any(b"<html><body/></html>")


def crossing(corners: int) -> str:
    """A line that crosses itself as often as it can, as CAP writes it."""
    step = corners // 2 - 1
    points = [(number * step) % corners for number in range(corners)]
    turns = [2 * math.pi * point / corners for point in [*points, points[0]]]
    return " ".join(f"{19.4 + math.sin(turn) / 10:.5f},{-99.1 + math.cos(turn) / 10:.5f}" for turn in turns)


def with_polygons(*polygons: str) -> bytes:
    body = "".join(f"<polygon>{one}</polygon>" for one in polygons)
    return re.sub(rb"<polygon>.*</polygon>", body.encode(), write_alert(ALERT))


@pytest.mark.parametrize("document", [with_polygons(crossing(2001)), with_polygons(*[crossing(9)] * 401)])
def test_polygons_that_take_long_to_make_sense_of_are_refused_at_once(document: bytes) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput):
        read_alert(document)
    assert time.process_time() - began < 2


def test_a_short_line_that_crosses_itself_is_an_area() -> None:
    (area,) = read_alert(with_polygons(crossing(99))).infos[0].areas
    assert area.shape is not None
    assert area.shape.is_valid
