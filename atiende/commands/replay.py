"""`atiende replay`: real rows through the whole path of a running installation, and an account of every one of them."""

import hmac
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlmodel import Session

from atiende import bootstrap
from atiende.replay import results
from atiende.replay.posts import Target, post_all
from atiende.replay.rows import Row, RowFile, read_rows
from atiende.replay.texts import Texted, Texter, send_all
from intake.catalog import clients, keys
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from kernel import clock, db
from kernel.errors import MisconfiguredError
from kernel.settings import Settings, load_settings

_SHOWN = 10
_FALLBACK = "OTRO"


def run(file: Path, *, jurisdiction: str, limit: int | None, as_sms: int, base_url: str | None) -> None:
    """Prints the account, and as its last line the same as JSON. A second run sends everything again and makes nothing twice.

    Raises NotFound for the file or the city, InvalidInput for unknown columns, MisconfiguredError without an installation.
    """
    found = read_rows(file, limit=limit)
    settings = load_settings(os.environ)
    bootstrap.configure(settings)
    base_url = (base_url or _base_url(settings)).rstrip("/")
    texted_rows, posted_rows = _split(found.rows, as_sms)
    with db.transaction() as session:
        # What cannot be texted is said before a row is posted.
        texter = _texter(settings, base_url, catalog.jurisdiction(session, jurisdiction)) if texted_rows else None
        api_key = _api_key(session, settings, jurisdiction)
        codes = _service_codes(session, jurisdiction, {(row.kind, row.family) for row in found.rows})
        before = results.stored(session, jurisdiction, found.layout)
    target = Target(f"{base_url}/open311/v2", jurisdiction, api_key)
    posted, seconds = post_all(target, found.layout, [(row, codes[row.kind, row.family]) for row in posted_rows])
    with db.transaction() as session:
        outcome = results.compare(found.layout, posted, before, results.stored(session, jurisdiction, found.layout))
    texted: Texted | None = None
    if texter is not None:
        with closing(texter):
            texted = send_all(texter, found.layout, texted_rows)
    faults = Counter(answer.fault for answer in posted if answer.fault)
    _print(found, codes, outcome, seconds, texted, faults)


def _texter(settings: Settings, base_url: str, city: Jurisdiction) -> Texter:
    if city.sms_number is None:
        raise MisconfiguredError("{city} no tiene número de SMS.", city=city.name)
    return Texter(settings, base_url, city.sms_number)


def _base_url(settings: Settings) -> str:
    """Where the installation listens now: what its running demo wrote down, else its public address."""
    running = settings.data / "demo.json" if settings.data else None
    if running is not None and running.exists():
        return str(json.loads(running.read_text())["base_url"])
    return settings.web.public_base_url


def _split(rows: Sequence[Row], texts: int) -> tuple[list[Row], list[Row]]:
    """Every so many rows become text messages, so that the sample is spread over the file; the rest are posted."""
    if texts <= 0 or not rows:
        return [], list(rows)
    step = max(1, len(rows) // texts)
    chosen = set(list(range(0, len(rows), step))[:texts])
    return [rows[i] for i in sorted(chosen)], [row for i, row in enumerate(rows) if i not in chosen]


def _api_key(session: Session, settings: Settings, jurisdiction_id: str) -> str:
    """The replay's own key for this city: always the same one, so that a second run is recognised as such."""
    made = hmac.digest(settings.secrets.session_key, f"replay:{jurisdiction_id}".encode(), sha256).hex()
    if clients.find(session, jurisdiction_id, made, now=clock.now()) is None:
        keys.create(session, jurisdiction_id, "replay", now=clock.now(), key=made, writes_per_minute=0)
    return made


def _service_codes(session: Session, jurisdiction_id: str, kinds: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What the file calls a matter -> the city's service, by the words that residents use for it."""
    definitions = catalog.services(session, jurisdiction_id)
    known = {definition.code for definition in definitions}
    fallback = _FALLBACK if _FALLBACK in known else definitions[-1].code
    usable = [d for d in definitions if not any(a.is_required and a.is_variable for a in d.attributes)]
    codes = {}
    for kind, family in sorted(kinds):
        matches = catalog.match_services(usable, kind, 1) or catalog.match_services(usable, family, 1)
        codes[kind, family] = matches[0].definition.code if matches else fallback
    return codes


def _print(
    found: RowFile,
    codes: dict[tuple[str, str], str],
    outcome: results.Results,
    seconds: float,
    texted: Texted | None,
    faults: Counter[str],
) -> None:
    rate = outcome.rows / seconds if seconds else 0.0
    lines = [
        f"archivo {found.layout}: {len(found.rows)} filas con punto, {found.unplaced} sin punto",
        "servicios: " + "; ".join(f"{kind} → {code}" for (kind, _), code in codes.items()),
        f"Open311: {outcome.accepted} de {outcome.rows} aceptadas ({outcome.already_there} ya estaban),"
        f" {seconds:.1f} s, {rate:.0f} por segundo",
        f"en la alcaldía registrada: {outcome.landed} de {outcome.in_city} ({outcome.landed_share:.2%})",
        f"fuera de la ciudad: {outcome.outside} guardadas, {outcome.outside_told} avisadas",
        f"perdidas: {outcome.missing}; dobles: {outcome.doubled}",
    ]
    lines += [f"  rechazo ×{count}: {fault}" for fault, count in faults.most_common(_SHOWN)]
    lines += [
        f"  {key}: registrada {named}, cae en {got or 'ninguna'}" for key, named, got in outcome.elsewhere[:_SHOWN]
    ]
    if texted is not None:
        lines.append(
            f"SMS: {texted.accepted} de {texted.sent} aceptados, {texted.replied} con respuesta, {texted.made} ya son reporte"
            f" ({texted.landed} en la alcaldía registrada),"
            f" {texted.asked} esperan otro dato, {texted.unanswered} sin respuesta"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    account: dict[str, Any] = asdict(outcome) | {
        "layout": found.layout,
        "unplaced": found.unplaced,
        "landed_share": round(outcome.landed_share, 5),
        "seconds": round(seconds, 2),
        "requests_per_s": round(rate, 1),
        "sms": None if texted is None else asdict(texted),
    }
    sys.stdout.write(json.dumps(account, ensure_ascii=False) + "\n")
