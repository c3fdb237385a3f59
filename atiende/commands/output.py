"""How commands that answer questions write their answer."""

import sys
from typing import Any

import orjson


def write_json(value: Any) -> None:
    """One JSON object and a line end on standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
