"""The stand-in's pages have one head, one list of channels and the places of the city they stand in for, and of no other."""

from pathlib import Path

import pytest

from channels.standin.places import city_map
from tests.channels.servers import standin, standin_config
from tests.channels.telegram import bot_of_standin

ONE_CORNER = "kind,name,lon,lat,precision_m,aliases,context\ncrossing,Calle Uno y Calle Dos,-99.5,19.5,20,,\n"


@pytest.fixture
def places(tmp_path: Path) -> Path:
    path = tmp_path / "places.csv"
    path.write_text(ONE_CORNER)
    return path


@pytest.mark.parametrize("has_places", [True, False])
def test_telegram_offers_the_places_of_this_city(tmp_path: Path, places: Path, has_places: bool) -> None:
    config = standin_config(
        tmp_path / "state.sqlite3",
        "http://127.0.0.1:1/webhooks/sms",
        telegram=bot_of_standin("http://127.0.0.1:1/webhooks/telegram"),
        places=places if has_places else None,
    )
    assert [corner.name for corner in city_map(config.places).corners] == ["Calle Uno y Calle Dos"] * has_places
    with standin(config) as network:
        page = network.client.get("/telegram", headers={"accept-language": "es"}).text
        assert ("Calle Uno y Calle Dos" in page) is has_places
        assert ("Dónde estoy" in page) is has_places
        assert "Sabinos y Niebla" not in page
        for path, script in (("/", "phone.js"), ("/whatsapp", "phone.js"), ("/telegram", "phone.js")):
            page = network.client.get(path, headers={"accept-language": "es"}).text
            assert page.lstrip().startswith("<!doctype html>")
            assert page.count("<title>") == page.count('class="tabs"') == page.count("news.js") == 1
            assert f"/static/{script}" in page
            assert 'aria-current="page"' in page
