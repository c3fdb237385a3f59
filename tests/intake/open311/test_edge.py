"""What the framework answers under /open311: it follows the standard too."""

from typing import Any

import pytest
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.open311 import edge, reading
from kernel import db
from kernel.errors import TooMany, Unavailable
from tests.factories import NOW, make_service
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
        "path",
        [
            "nada%0A;.{fmt}",
            "%0A.{fmt}",
            "nada.{fmt}",
            "requests/1/2.{fmt}",
            "services.{fmt}/x.{fmt}",
            "../v1/services.{fmt}",
            "tokens.{fmt}",
        ],
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


@pytest.mark.database
class TestOptions:
    @pytest.mark.parametrize(
        ("resource", "allow"),
        [
            ("requests", "GET, HEAD, POST, OPTIONS"),
            ("servicerequestupdates", "GET, HEAD, POST, OPTIONS"),
            ("services", "GET, HEAD, OPTIONS"),
            ("requests/2600000000", "GET, HEAD, OPTIONS"),
        ],
    )
    def test_options_and_405_name_the_same_methods(
        self, client: TestClient, resource: str, allow: str, fmt: str
    ) -> None:
        response = client.options(f"{resource}.{fmt}")
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["allow"] == allow
        assert client.put(f"{resource}.{fmt}").headers["allow"] == allow

    def test_options_of_nothing_is_404(self, client: TestClient, fmt: str) -> None:
        errors_of(client.options(f"nada.{fmt}"), fmt, 404)

    def test_a_preflight_is_granted_even_for_nothing_so_that_the_page_reads_the_error(self, client: TestClient) -> None:
        asked = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
        response = client.options("nada.json", headers=asked)
        assert response.status_code == 204
        assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.database
class TestEncodings:
    @pytest.fixture(autouse=True)
    def long_list(self, session: Session, city: Jurisdiction) -> None:
        make_service(session, "LARGO", "Un nombre largo " * 99, position=9)
        city.catalog_changed_at = NOW
        session.flush()

    def test_a_long_answer_is_compressed_for_those_who_ask(self, client: TestClient, fmt: str) -> None:
        plain = client.get(f"services.{fmt}", headers={"accept-encoding": "identity"})
        zipped = client.get(f"services.{fmt}", headers={"accept-encoding": "br, gzip;q=0.5"})
        assert "content-encoding" not in plain.headers
        assert zipped.headers["content-encoding"] == "gzip"
        assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])
        assert zipped.content == plain.content
        assert plain.headers["vary"] == zipped.headers["vary"] == "Accept-Encoding, Authorization, Prefer"
        assert plain.headers["etag"] == zipped.headers["etag"]

    def test_gzip_refused_is_not_sent(self, client: TestClient, fmt: str) -> None:
        response = client.get(f"services.{fmt}", headers={"accept-encoding": "gzip;q=0, identity"})
        assert "content-encoding" not in response.headers

    def test_a_short_answer_stays_as_it_is(self, client: TestClient, fmt: str) -> None:
        response = client.get(f"requests.{fmt}", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in response.headers

    def test_head_counts_the_bytes_that_get_would_send(self, client: TestClient, fmt: str) -> None:
        for encoding in ("gzip", "identity"):
            headers = {"accept-encoding": encoding}
            got, head = client.get(f"services.{fmt}", headers=headers), client.head(f"services.{fmt}", headers=headers)
            del got.headers["ratelimit"], head.headers["ratelimit"]  # one call more was made by then
            assert head.headers == got.headers
            assert head.content == b""


@pytest.mark.database
class TestHostileCalls:
    @pytest.mark.parametrize("path", ["/open311", "/open311/", "/open311/v2", "/open311/v2/"])
    def test_the_root_itself_is_404_and_never_a_redirect(self, client: TestClient, path: str) -> None:
        response = client.get(f"http://testserver{path}", follow_redirects=False)
        errors_of(response, "xml", 404)
        assert response.headers["access-control-allow-origin"] == "*"

    def test_a_slash_behind_the_suffix_keeps_the_format(self, client: TestClient, fmt: str) -> None:
        errors_of(client.get(f"services.{fmt}/", follow_redirects=False), fmt, 404)

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "[::1"},
            {"host": ""},
            {"accept-language": "x;q=1e999, *;q=nan, ;;;,,,es"},
            {"accept-encoding": "gzip;q=9.9.9,,;"},
            {"if-none-match": '"' * 999},
            {"if-modified-since": "Mon, 99 Foo 99999999999"},
            {"authorization": "Bearer"},
            {"accept": "\xff\xfe"},
            {"range": "bytes=0-5"},
            {"content-length": "\xb2"},
            {"cookie": "a=b; session=%00"},
        ],
    )
    @pytest.mark.parametrize("resource", ["services", "requests/2600000000"])
    def test_garbage_in_a_header_changes_nothing(
        self, client: TestClient, resource: str, headers: dict[str, str], fmt: str
    ) -> None:
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        response = client.get(f"{resource}.{fmt}", headers=raw)
        assert response.status_code == (200 if resource == "services" else 404)
        read(response, fmt)

    @pytest.mark.parametrize("declared", [b"\xb2", b"9" * 5000, b"-1", b"1e3"])
    def test_a_strange_content_length_is_no_fault_of_ours(self, client: TestClient, declared: bytes, fmt: str) -> None:
        headers = {"content-length": declared, "content-type": b"application/x-www-form-urlencoded"}
        response = client.post(f"requests.{fmt}", content=b"a=1", headers=headers)
        errors_of(response, fmt, 413 if len(declared) > 18 else 403)

    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_an_endless_address_is_414(self, client: TestClient, method: str, fmt: str) -> None:
        for address in (f"requests.{fmt}?q=" + "a" * 33_000, "a" * 33_000 + f".{fmt}"):
            errors_of(client.request(method, address), fmt, 414)

    def test_a_thousand_ids_fit_an_address(self, client: TestClient, fmt: str) -> None:
        ids = ",".join(f"26{n:08d}" for n in range(1000))
        assert read(client.get(f"requests.{fmt}?service_request_id={ids}"), fmt) == []

    def test_thousands_of_fields_are_400(self, client: TestClient, fmt: str) -> None:
        errors_of(client.get(f"requests.{fmt}?" + "a=1&" * 2000), fmt, 400)

    def test_a_compressed_body_is_415(self, client: TestClient, fmt: str) -> None:
        headers = {"content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded"}
        errors_of(client.post(f"requests.{fmt}", content=b"\x1f\x8b", headers=headers), fmt, 415)

    @pytest.mark.parametrize("where", ["form", "query", "header", "path"])
    def test_a_key_is_never_echoed(self, client: TestClient, where: str, fmt: str) -> None:
        key = "k-secret-5f1c"
        answers = {
            "form": lambda: client.post(f"requests.{fmt}", data=form(api_key=key)),
            "query": lambda: client.post(f"requests.{fmt}?api_key={key}", data=form(api_key=None)),
            "header": lambda: client.post(
                f"requests.{fmt}", data=form(api_key=None), headers={"authorization": f"Bearer {key}"}
            ),
            "path": lambda: client.get(f"{key}.{fmt}?api_key={key}"),
        }
        response = answers[where]()
        assert response.status_code in (403, 404)
        assert key not in response.text + str(response.headers)

    def test_what_is_quoted_from_an_address_can_be_read(self, client: TestClient) -> None:
        as_json, as_xml = (client.get(f"services/%00%0B%EF%BF%BE%3Ca%3E.{fmt}") for fmt in ("json", "xml"))
        assert errors_of(as_json, "json", 404) == errors_of(as_xml, "xml", 404)


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

    def test_a_bug_around_the_handlers_is_500_too(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch, fmt: str
    ) -> None:
        def fail(_: object) -> None:
            raise ZeroDivisionError("secret detail")

        monkeypatch.setattr(edge, "accepts_gzip", fail)
        response = client.get(f"services.{fmt}")
        (text,) = errors_of(response, fmt, 500)
        assert "secret" not in text
        assert response.headers["access-control-allow-origin"] == "*"

    @pytest.mark.parametrize(
        "error",
        [
            OperationalError("SELECT secret", {}, Exception("host=secret")),
            InterfaceError("SELECT secret", {}, Exception("host=secret")),
            NoFreeConnection("QueuePool limit: secret"),
        ],
    )
    def test_a_database_that_is_down_is_503(self, client: TestClient, failing: Any, error: Exception, fmt: str) -> None:
        failing(error)
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
