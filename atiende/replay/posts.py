"""Rows as Open311 posts: over HTTP, several at a time, each under an idempotency key of its own."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from atiende.replay.rows import Row

THREADS = 6
_TRIES = 5


@dataclass(frozen=True)
class Target:
    """The endpoint and who we are to it."""

    root: str
    jurisdiction_id: str
    api_key: str


@dataclass(frozen=True)
class Posted:
    """The answer to one row: `notice` is what the sender was told, `fault` why it was refused ("" when accepted)."""

    row: Row
    notice: str
    fault: str


def prefix_of(layout: str) -> str:
    """How every idempotency key of this kind of file begins."""
    return f"replay-{layout}-"


def name_of(layout: str, row: Row) -> str:
    """The idempotency key: the same row of the same kind of file is the same request, in every run."""
    return f"{prefix_of(layout)}{row.key}"


def post_all(target: Target, layout: str, rows: Sequence[tuple[Row, str]]) -> tuple[list[Posted], float]:
    """The answers in the order of `rows` (row, service code), and the seconds it took."""
    # One client for all threads: it keeps a connection for each, and closes them all.
    start = time.perf_counter()
    with httpx.Client(timeout=30, trust_env=False) as client, ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda pair: _post(client, target, layout, *pair), rows))
    return answers, time.perf_counter() - start


def _post(client: httpx.Client, target: Target, layout: str, row: Row, service_code: str) -> Posted:
    form = {
        "jurisdiction_id": target.jurisdiction_id,
        "api_key": target.api_key,
        "service_code": service_code,
        "lat": repr(row.point.lat),
        "long": repr(row.point.lon),
        "description": ". ".join(part for part in (row.kind, row.family) if part),
        "address_string": ", ".join(part for part in (row.address, row.colonia, row.district) if part),
    }
    fault = ""
    for attempt in range(_TRIES):
        try:
            answer = client.post(
                f"{target.root}/requests.json", data=form, headers={"Idempotency-Key": name_of(layout, row)}
            )
        except httpx.TransportError as error:
            fault = type(error).__name__
            time.sleep(0.2 * 2**attempt)
            continue
        if answer.status_code in (429, 503):
            fault = f"{answer.status_code}"
            time.sleep(float(answer.headers.get("retry-after", 0.2 * 2**attempt)))
            continue
        if answer.status_code not in (200, 201):
            return Posted(row, "", f"{answer.status_code} {answer.text[:200]}")
        element = answer.json()[0]
        return Posted(row, element.get("service_notice") or "", "")
    return Posted(row, "", fault)
