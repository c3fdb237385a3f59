"""What the framework answers under /open311: it follows the standard too."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from intake.open311 import reading
from kernel import db
from kernel.errors import TooMany, Unavailable
from tests.intake.open311.asking import MEDIA_TYPES, errors_of, form, read

RESOURCES = ["discovery", "services", "services/LUMINARIA", "requests", "servicerequestupdates", "../discovery"]


@pytest.mark.database
class TestAnswers:
    @pytest.mark.parametrize("resource", RESOURCES)
    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json", "image/png", ""])
    def test_the_suffix_decides_whatever_accept_says(
        self, client: TestClient, resource: str, fmt: str, accept: str
    ) -> None:
        response = client.get(f"{resource}.{fmt}", headers={"accept": accept})
        assert response.status_code == 200
        assert response.headers["content-type"] == MEDIA_TYPES[fmt]

    @pytest.mark.parametrize("resource", [*RESOURCES, "requests/2600000000", "nothing"])
    def test_any_page_may_read_any_answer(self, client: TestClient, resource: str, fmt: str) -> None:
        response = client.get(f"{resource}.{fmt}", headers={"origin": "https://elsewhere.example"})
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers

    @pytest.mark.parametrize("resource", RESOURCES)
    def test_head_is_get_without_its_body(self, client: TestClient, resource: str, fmt: str) -> None:
        got, head = client.get(f"{resource}.{fmt}"), client.head(f"{resource}.{fmt}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]

    def test_a_browser_may_post_after_a_preflight(self, client: TestClient, fmt: str) -> None:
        asked = {
            "origin": "https://elsewhere.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "idempotency-key",
        }
        response = client.options(f"requests.{fmt}", headers=asked)
        assert response.status_code == 204
        assert response.headers["access-control-allow-origin"] == "*"
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "Idempotency-Key" in response.headers["access-control-allow-headers"]

    @pytest.mark.parametrize(
        "path", ["requests", "requests.html", "requests.jsonp", "requests.JSON", "services/BACHE", "", "nada"]
    )
    def test_an_unknown_address_is_404_and_never_html(self, client: TestClient, path: str) -> None:
        response = client.get(path)
        errors_of(response, "xml", 404)
        errors_of(client.get(path, headers={"accept": "application/json"}), "json", 404)

    @pytest.mark.parametrize(
        "path", ["nada.{fmt}", "requests/1/2.{fmt}", "services.{fmt}/x.{fmt}", "../v1/services.{fmt}", "tokens.{fmt}"]
    )
    def test_an_unknown_resource_is_404_in_its_format(self, client: TestClient, path: str, fmt: str) -> None:
        errors_of(client.get(path.format(fmt=fmt)), fmt, 404)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
    @pytest.mark.parametrize("resource", ["requests", "services", "requests/2600000000"])
    def test_another_method_is_405_and_names_those_allowed(
        self, client: TestClient, method: str, resource: str, fmt: str
    ) -> None:
        response = client.request(method, f"{resource}.{fmt}")
        errors_of(response, fmt, 405)
        assert "GET" in response.headers["allow"]

    @pytest.mark.parametrize("resource", ["services", "discovery", "requests/2600000000", "tokens/t-1"])
    def test_posting_where_nothing_is_taken_is_405(self, client: TestClient, resource: str, fmt: str) -> None:
        errors_of(client.post(f"{resource}.{fmt}", data=form()), fmt, 405)

    def test_no_callback_is_ever_reflected(self, client: TestClient) -> None:
        response = client.get("services.json?callback=alert(1)")
        assert response.json()
        assert b"alert" not in response.content

    @pytest.mark.parametrize(
        ("headers", "query", "words"),
        [
            ({}, "", "No existe"),
            ({"accept-language": "en-US,en;q=0.9"}, "", "There is no"),
            ({"accept-language": "es-MX"}, "", "No existe"),
            ({"accept-language": "es-MX"}, "?locale=en", "There is no"),
        ],
    )
    def test_errors_speak_the_reader_s_language(
        self, client: TestClient, headers: dict[str, str], query: str, words: str
    ) -> None:
        response = client.get(f"requests/2600000000.json{query}", headers=headers)
        assert words in response.json()[0]["description"]


class TestFailures:
    """What cannot be provoked from outside is provoked inside: the answer keeps its form and tells nothing."""

    @pytest.fixture
    def failing(self, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Any:
        def fail_with(error: Exception) -> None:
            def services(*_: object) -> None:
                raise error

            monkeypatch.setattr(reading, "services", services)

        return fail_with

    pytestmark = pytest.mark.database

    def test_a_bug_is_500_in_the_format_asked_for(self, client: TestClient, failing: Any, fmt: str) -> None:
        failing(ZeroDivisionError("secret detail"))
        response = client.get(f"services.{fmt}")
        (text,) = errors_of(response, fmt, 500)
        assert "secret" not in text
        assert response.headers["access-control-allow-origin"] == "*"

    def test_a_database_that_is_down_is_503(self, client: TestClient, failing: Any, fmt: str) -> None:
        failing(OperationalError("SELECT secret", {}, Exception("host=secret")))
        response = client.get(f"services.{fmt}")
        (text,) = errors_of(response, fmt, 503)
        assert "secret" not in text
        assert int(response.headers["retry-after"]) > 0

    def test_a_dependency_that_is_down_is_503(self, client: TestClient, failing: Any, fmt: str) -> None:
        failing(Unavailable("host=secret"))
        (text,) = errors_of(client.get(f"services.{fmt}"), fmt, 503)
        assert "secret" not in text

    def test_too_many_calls_are_429_with_a_time_to_come_back(self, client: TestClient, failing: Any, fmt: str) -> None:
        failing(TooMany("Espera {s} segundos.", retry_after_s=7, s=7))
        response = client.get(f"services.{fmt}")
        errors_of(response, fmt, 429)
        assert response.headers["retry-after"] == "7"


def test_nothing_is_read_from_a_database_that_is_not_there(fmt: str) -> None:
    from tests.intake.open311.conftest import make_app

    db.configure(db.make_engine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"))
    try:
        with TestClient(make_app(), raise_server_exceptions=False) as client:
            errors_of(client.get(f"/open311/v2/services.{fmt}"), fmt, 503)
            assert client.get(f"/open311/nada.{fmt}").status_code == 404
    finally:
        db.configure(None)


@pytest.mark.database
def test_a_city_that_is_not_installed_yet_is_404(session: Any, fmt: str) -> None:
    from tests.intake.open311.conftest import make_app

    with TestClient(make_app(), raise_server_exceptions=False) as client:
        errors_of(client.get(f"/open311/v2/services.{fmt}"), fmt, 404)
        errors_of(client.get(f"/open311/discovery.{fmt}"), fmt, 404)
        assert read(client.get(f"/open311/v2/nada.{fmt}"), fmt)
