"""Logs without personal data: one handler for every library, one formatter, and a mask over all that goes through it.

Ids may be logged; phone numbers, e-mail addresses and keys come out as `[phone]`, `[email]`, `[secret]`, wherever they stand:
in the text, in a field, in a traceback. The mask is a net. What is known to be personal is not to be logged at all.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Names of fields whose digits are ours and never a phone number.
_OURS = re.compile(r"(^|_)(id|folio)$")
_SECRET_NAMES = re.compile(r"(?i)(token|secret|password|passwd|authorization|cookie|api_?key|signature|(^|_)key$)")
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_EMAIL = r"[\w.+\-%]+@[\w\-]+(?:\.[\w\-]+)+"
_PAIR = r"(?i:\b(?:\w*(?:token|secret|password|api_?key|signature))[\"']?\s*[=:]\s*[\"']?)(?P<secret>[^\s&\"',;]+)"
# Whoever has the address of a resident's own page is that resident.
_PATH = r"(?:/r|/tokens)/(?P<path>[^\s/?#\"']+)"
_CREDENTIALS = r"://[^\s:/@]*:(?P<password>[^\s/@]+)@"
# Ten to fifteen digits, however people space them. Not inside a longer word, hex string or decimal fraction.
_PHONE = r"(?:(?<![\w.])|(?<=%2[Bb]))\+?\(?\d(?:[ .\-()\u00a0\u202f]{0,2}\d){9,14}(?![\w]|\.\d)"
_PATTERN = re.compile(
    f"(?P<uuid>{_UUID})|{_CREDENTIALS}|{_PATH}|{_PAIR}|(?P<email>{_EMAIL})|(?P<date>{_DATE})|(?P<phone>{_PHONE})"
)
# Each thing to hide has one of these or ten digits; most lines have none, and to find that out costs a tenth.
_SIGNS = ("@", "=", ":", "/r/", "/tokens/")
_TEN_DIGITS = re.compile(r"\d(?:\D{0,2}\d){9}")
_SHOWN = (
    ("password", "[secret]"),
    ("path", "[secret]"),
    ("secret", "[secret]"),
    ("email", "[email]"),
    ("phone", "[phone]"),
)


def mask(text: str) -> str:
    """`text` with phone numbers, e-mail addresses, passwords in addresses, secret paths and `key=value` secrets hidden."""
    if any(sign in text for sign in _SIGNS) or _TEN_DIGITS.search(text):
        return _PATTERN.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    if match["uuid"] or match["date"]:
        return match[0]
    for name, shown in _SHOWN:
        if match[name]:
            start, end = match.start(name) - match.start(), match.end(name) - match.start()
            return match[0][:start] + shown + match[0][end:]
    return match[0]


def _masked(value: Any, name: str = "") -> Any:
    """`value` with everything personal in it hidden, to any depth."""
    if _SECRET_NAMES.search(name) and value is not None:
        return "[secret]"
    if isinstance(value, str | int) and _OURS.search(name):
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_masked(item, name) for item in value]
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return mask_number(value)
    return mask(str(value))


def mask_number(value: int) -> int | str:
    """A number as long as a phone number is hidden like one."""
    return "[phone]" if 10 <= len(str(abs(value))) <= 15 else value


def _mask_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {name: item if name in _KEPT else _masked(item, name) for name, item in event.items()}


_KEPT = ("timestamp", "level", "logger", "_record", "_from_structlog")


class _AccessLine(logging.Formatter):
    """Lines of calls, as the processors below would write them. One is written for every call, so they go straight to text.

    They keep method, path, protocol and status: a query may hold a key, a client address is personal.
    """

    def __init__(self, log_format: str) -> None:
        super().__init__()
        self.is_json = log_format == "json"

    def format(self, record: logging.LogRecord) -> str:
        _, method, path, version, status = record.args  # type: ignore[misc]  # as uvicorn gives them
        line = mask(f"{method} {str(path).partition('?')[0]} HTTP/{version} {status}")
        level, at = (
            record.levelname.lower(),
            datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        )
        if self.is_json:
            return json.dumps(
                {"event": line, "level": level, "logger": record.name, "timestamp": at}, ensure_ascii=False
            )
        return f"{at} [{level:<9}] {line} [{record.name}]"


def _log_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("atiende").critical("crashed", exc_info=(kind, error, trace))


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


def configure(log_format: str = "text", *, level: int = logging.INFO) -> None:
    """Sends every logger of the process, and its uncaught errors, to standard error, masked.

    log_format: `text` for people, `json` for machines.
    """
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.processors.format_exc_info,
                _mask_event,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Both repeat each outgoing URL, and with it account ids and look-ups.
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access_handler = logging.StreamHandler(sys.stderr)
    access_handler.setFormatter(_AccessLine(log_format))
    access.handlers, access.propagate = [access_handler], False
    # The interpreter, and typer in its own way, would print what no handler caught as it is.
    sys.excepthook = _log_crash
    threading.excepthook = _log_thread_crash
