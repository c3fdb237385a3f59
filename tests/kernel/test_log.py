"""What is logged by mistake comes out masked; what an operator needs to read does not."""

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from kernel import log

Lines = Callable[[], str]
PIECES = [
    "+52 55 ",
    "1234",
    "(55)",
    "5678",
    "\u00a0",
    "-",
    ".",
    "%2B",
    "rosa",
    "@",
    "x.mx",
    "://",
    "/r",
    "/tokens",
    "/",
    "key",
    "=",
]
PERSONAL = ["5512345678", "1234", "rosa@example.com", "s3cr3t"]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What this test has logged so far."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers, root.level, (sys.excepthook, threading.excepthook)
    written: list[str] = []

    def read() -> str:
        written.append(capsys.readouterr().err)
        return "".join(written)

    yield read
    root.handlers, root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], True
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call +525512345678 now", "call [phone] now"),
        ("call +52 (55) 1234-5678", "call [phone]"),
        ("55 1234 5678", "[phone]"),
        ("whatsapp:+5215512345678", "whatsapp:[phone]"),
        ("from=%2B525512345678&x=1", "from=%2B[phone]&x=1"),
        ("to rosa.perez+311@correo.example.mx.", "to [email]."),
        ("postgresql://atiende:s3cr3t@db/atiende", "postgresql://atiende:[secret]@db/atiende"),
        ("POST /x?api_key=s3cr3t&format=json", "POST /x?api_key=[secret]&format=json"),
        ('{"auth_token": "s3cr3t"}', '{"auth_token": "[secret]"}'),
        ("GET /r/Zx9-_secret/lugar", "GET /r/[secret]/lugar"),
        ("GET /en/r/Zx9-_secret?x=1", "GET /en/r/[secret]?x=1"),
        ("GET /r/0192f3c4-1234-7567-8901-234567890123", "GET /r/[secret]"),
        ("https://311.example/r/Zx9-_secret", "https://311.example/r/[secret]"),
    ],
)
def test_personal_data_is_hidden(text: str, shown: str) -> None:
    assert log.mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "message 0192f3c4-1234-7567-8901-234567890123 stored",
        "at 2026-11-19T19:00:00.123456+00:00 and 2026-11-19 19:00:00",
        "point -99.133209, 19.432608",
        "served 200 in 35 ms, port 8311, pid 1234567",
        "commit bddd2720123456789abcdef",
    ],
)
def test_ids_times_and_numbers_stay_readable(text: str) -> None:
    assert log.mask(text) == text


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_lines_without_a_sign_are_lines_with_nothing_to_hide(text: str) -> None:
    assert log.mask(text) == log._PATTERN.sub(log._hide, text)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_phone_number_logged_by_mistake_is_masked_everywhere(lines: Lines, log_format: str) -> None:
    log.configure(log_format)
    logger = structlog.get_logger("channels.sms")
    logger.info(
        "sent to +52 55 1234 5678", sender="+525512345678", auth_token="s3cr3t", deep={"to": ["rosa@example.com"]}
    )
    logging.getLogger("some.library").warning("from %s and %d", "+525512345678", 5512345678)
    try:
        raise ValueError("the row of +52 55 1234 5678")
    except ValueError as error:
        logger.error("failed", exc_info=error)
    written = lines()
    assert [word for word in PERSONAL if word in written] == []
    assert "sent to [phone]" in written
    assert "ValueError" in written


def test_a_folio_field_is_not_taken_for_a_phone_number(lines: Lines) -> None:
    log.configure("json")
    structlog.get_logger("x").info(
        "told", folio="2648173056", service_request_id="0192f3c4-1234-7567-8901-234567890123"
    )
    line = json.loads(lines())
    assert line["folio"] == "2648173056"
    assert line["event"] == "told"
    assert line["level"] == "info"
    assert line["logger"] == "x"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_access_line_looks_like_every_other_line(lines: Lines, log_format: str) -> None:
    log.configure(log_format)
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "203.0.113.9:5000", "GET", '/consola/"ñandú"', "1.1", 404
    )
    access, other = _and_again(lines, "uvicorn.access", 'GET /consola/"ñandú" HTTP/1.1 404')
    assert _ISO.sub("", access) == _ISO.sub("", other)
    assert len(_ISO.findall(access)) == len(_ISO.findall(other)) == 1


_ISO = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def _and_again(lines: Lines, name: str, said: str) -> list[str]:
    """What was logged, and the same words through the handler of all other loggers."""
    root = logging.getLogger().handlers[0]
    root.handle(logging.makeLogRecord({"name": name, "msg": said, "levelno": logging.INFO, "levelname": "INFO"}))
    return lines().splitlines()


def test_the_access_line_has_no_query_and_no_address(lines: Lines) -> None:
    log.configure("text")
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "203.0.113.9:5000", "GET", "/open311/v2/requests.json?api_key=s3cr3t", "1.1", 200
    )
    assert "GET /open311/v2/requests.json HTTP/1.1 200" in lines()
    assert "203.0.113.9" not in lines()
    assert "api_key" not in lines()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/r/Zx9-_secret/lugar", "GET /r/[secret]/lugar HTTP/1.1 200"),
        ("/en/r/Zx9-_secret", "GET /en/r/[secret] HTTP/1.1 200"),
        ("/open311/v2/tokens/Zx9-_secret.json?x=1", "GET /open311/v2/tokens/[secret] HTTP/1.1 200"),
        ("/consola/reportes", "GET /consola/reportes HTTP/1.1 200"),
    ],
)
def test_the_access_line_keeps_no_address_that_opens_a_page(lines: Lines, path: str, shown: str) -> None:
    log.configure("text")
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "203.0.113.9:5000", "GET", path, "1.1", 200)
    written = lines()
    assert shown in written
    assert "Zx9" not in written


def test_what_nobody_caught_is_masked_too(lines: Lines) -> None:
    log.configure("text")

    def crash() -> None:
        raise ValueError("the row of rosa@example.com")

    thread = threading.Thread(target=crash)
    thread.start()
    thread.join()
    try:
        crash()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    written = lines()
    assert written.count("ValueError: the row of [email]") == 2
    assert "rosa@example.com" not in written
