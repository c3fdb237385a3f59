import tomllib

from channels.resident.icons import icon, known_icons
from intake.service_requests import lifecycle
from tests.house import ROOT


def test_every_icon_a_city_names_is_drawn() -> None:
    named = {tomllib.loads(file.read_text()).get("icon", "note") for file in ROOT.glob("cities/*/services/**/*.toml")}
    assert named - known_icons() == set()


def test_every_state_has_its_icon() -> None:
    states = [
        (life, None, handover)
        for life in ("new", "in_progress", "waiting_resident", "reopened")
        for handover in ("sent", "transferred")
    ]
    states += [("closed", outcome, "accepted") for outcome in lifecycle.OUTCOMES]
    assert {lifecycle.pill(*state).icon for state in states} <= known_icons()


def test_an_unknown_icon_is_three_dots_and_hidden_from_readers() -> None:
    assert icon("no-such") == icon("dots")
    assert 'aria-hidden="true"' in icon("drop")
