"""Keeps every version of what a service promised, with the days it was in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from intake.catalog.models import Jurisdiction, Service, ServicePromise
from intake.city_folder.values import ServiceEntry


def terms_of(entry: ServiceEntry) -> dict[str, Any]:
    """As `routing.clocks.Terms` reads them."""
    said = {"resolution": entry.promise, "first_answer": entry.first_answer, "silence": entry.silence}
    return {subject: dict(promise) for subject, promise in said.items() if promise}


def keep_versions(session: Session, city: Jurisdiction, entries: Sequence[ServiceEntry], now: datetime) -> bool:
    """Adds a version where the terms differ from the newest one, in force from today; True when there was any."""
    today = now.astimezone(ZoneInfo(city.timezone)).date()
    newest: dict[str, ServicePromise] = {}
    for kept in session.exec(
        select(ServicePromise)
        .where(ServicePromise.jurisdiction_id == city.id)
        .order_by(col(ServicePromise.service_code), col(ServicePromise.version))
    ):
        newest[kept.service_code] = kept
    services = {row.code: row for row in session.exec(select(Service).where(Service.jurisdiction_id == city.id))}
    changed = False
    for entry in entries:
        last, terms = newest.get(entry.code), terms_of(entry)
        if last is not None and last.terms == terms:
            continue
        if last is not None:
            last.valid_to = today
            session.add(last)
        version = last.version + 1 if last is not None else 1
        session.add(
            ServicePromise(
                jurisdiction_id=city.id, service_code=entry.code, version=version, terms=terms, valid_from=today
            )
        )
        services[entry.code].promise_version = version
        session.add(services[entry.code])
        changed = True
    session.flush()
    return changed
