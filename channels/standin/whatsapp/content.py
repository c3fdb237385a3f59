"""Twilio's Content API, as far as the program uses it, and what a message looks like that was sent by it."""

import re
import secrets
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from channels.standin.answering import ConfigDep, LedgerDep, Refusal, signed_in
from channels.standin.ledger import Ledger

# What no variable may hold; and what WhatsApp says later, when there are more of them than its template has.
_UNFIT = re.compile(r"[\n\r\t]| {5,}")
WRONG_COUNT = 63028
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_MOST_BUTTONS_IN_SESSION, _MOST_ROWS = 3, 10
_LONGEST = {"title": 20, "item": 24, "description": 72, "button": 20, "body": 1024, "id": 200}
# Templates of the demo city that "WhatsApp has approved".
_APPROVED = Path(__file__).with_name("approved.toml")

router = APIRouter(prefix="/v1/Content", dependencies=[Depends(signed_in)])


class NewContent(BaseModel):
    """The body of `POST /v1/Content`."""

    friendly_name: str = ""
    language: str
    variables: dict[str, str] = {}
    types: dict[str, dict[str, Any]]


@router.post("", status_code=201)
def create_content(new: NewContent, ledger: LedgerDep) -> Any:
    sid = "HX" + secrets.token_hex(16)
    ledger.add_content(sid, new.friendly_name, new.model_dump())
    return _shown(sid, new.model_dump())


@router.get("")
def list_content(
    config: ConfigDep,
    ledger: LedgerDep,
    page: int = Query(0, alias="Page", ge=0),
    size: int = Query(50, alias="PageSize", ge=1, le=1000),
) -> Any:
    everything = ledger.contents()
    shown = everything[page * size : (page + 1) * size]
    more = len(everything) > (page + 1) * size
    return {
        "contents": [_shown(sid, definition) for sid, definition in shown],
        "meta": {
            "page": page,
            "page_size": size,
            "next_page_url": f"{config.own_url}/v1/Content?PageSize={size}&Page={page + 1}" if more else None,
        },
    }


def _shown(sid: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    return {"sid": sid, **definition, "url": f"/v1/Content/{sid}"}


@cache
def approved() -> Mapping[str, str]:
    """Id and text of each approved template."""
    return {str(row["id"]): str(row["text"]) for row in tomllib.loads(_APPROVED.read_text())["template"]}


def rendered(ledger: Ledger, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The words, and what stands below them, of a message that names content. Raises Refusal.

    The second: `buttons` or `rows` with values and labels, whether it is a template that opens a closed window, and the code with
    which WhatsApp itself will refuse it.
    """
    sid, variables = form["ContentSid"], _variables(form.get("ContentVariables", ""))
    if sid in approved():
        text = approved()[sid]
        is_counted = set(variables) == set(_SLOT.findall(text))
        return _filled(text, variables), {"is_template": True, **({} if is_counted else {"refused": WRONG_COUNT})}
    definition = ledger.content(sid)
    if definition is None:
        raise Refusal(21655)
    kind, content = next(iter(definition["types"].items()))
    made = _filled_in(content, variables)
    if kind == "twilio/quick-reply" and 1 <= len(made["actions"]) <= _MOST_BUTTONS_IN_SESSION:
        return made["body"], {"buttons": [{"value": one["id"], "label": one["title"]} for one in made["actions"]]}
    if kind == "twilio/list-picker" and 1 <= len(made["items"]) <= _MOST_ROWS:
        rows = [
            {"value": one["id"], "label": one["item"], "description": one.get("description", "")}
            for one in made["items"]
        ]
        return made["body"], {"rows": rows, "open": made["button"]}
    raise Refusal(21656)


def _variables(text: str) -> dict[str, str]:
    try:
        told = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        raise Refusal(21656) from None
    if not isinstance(told, dict) or not all(isinstance(value, str) and value.strip() for value in told.values()):
        raise Refusal(21656)
    if any(_UNFIT.search(value) for value in told.values()):
        raise Refusal(21656)
    return told


def _filled(text: str, variables: Mapping[str, str]) -> str:
    if not set(_SLOT.findall(text)) <= set(variables):
        raise Refusal(21656)
    return _SLOT.sub(lambda found: variables[found[1]], text)


def _filled_in(value: Any, variables: Mapping[str, str], name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(part, variables, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled_in(part, variables) for part in value]
    text = _filled(str(value), variables)
    if not text or len(text) > _LONGEST.get(name, len(text)):
        raise Refusal(21656)
    return text
