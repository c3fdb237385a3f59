"""Drafts of rule sets: made from the newest set, changed step by step, seen by nobody who reports. Publishing is `publishing`."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete
from sqlmodel import Session, col, select

from georef.boundaries import Area, BoundaryIndex
from kernel.errors import Conflict, InvalidInput, NotFound
from routing import queries, rule_sets
from routing.decide import RuleBook
from routing.draft_models import RoutingDraft, RoutingDraftArea, RoutingDraftLayer
from routing.layers import kind_of, read_areas, refuse_other_kind
from routing.locking import take_turn
from routing.models import RuleSet
from routing.places import Layer
from routing.rule_tests import RuleTest
from routing.values import Rule

_MAX_NAME = 120


def create(session: Session, jurisdiction_id: str, name: str, *, by: str, now: datetime) -> RoutingDraft:
    """A draft that says what the newest rule set says. Raises InvalidInput for a bad name, NotFound without rules."""
    newest = newest_of(session, jurisdiction_id)
    draft = RoutingDraft(
        jurisdiction_id=jurisdiction_id,
        name=_name(name),
        base_version=newest.version,
        tests=list(newest.content.get("tests", ())),
        made_by=by,
        made_at=now,
        changed_by=by,
        changed_at=now,
    )
    session.add(draft)
    session.flush()
    return draft


def create_once(session: Session, jurisdiction_id: str, name: str, *, by: str, now: datetime) -> RoutingDraft:
    """As `create`; for the same form sent again, the draft that it made, while nobody has changed it. Raises as `create`."""
    take_turn(session, jurisdiction_id)
    wanted = select(RoutingDraft).where(
        RoutingDraft.jurisdiction_id == jurisdiction_id,
        RoutingDraft.state == "open",
        RoutingDraft.version == 1,
        RoutingDraft.name == _name(name),
        RoutingDraft.made_by == by,
        RoutingDraft.base_version == newest_of(session, jurisdiction_id).version,
    )
    known = session.exec(wanted.order_by(col(RoutingDraft.made_at)).limit(1)).first()
    return known or create(session, jurisdiction_id, name, by=by, now=now)


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _MAX_NAME:
        raise InvalidInput("Ponle al borrador un nombre de hasta {limit} letras.", field="name", limit=_MAX_NAME)
    return name


def newest_of(session: Session, jurisdiction_id: str) -> RuleSet:
    """The rule set with the highest version that was not taken back. Raises NotFound."""
    newest = queries.newest_rule_set(session, jurisdiction_id)
    if newest is None:
        raise NotFound("La jurisdicción {jurisdiction_id} no tiene reglas.", jurisdiction_id=jurisdiction_id)
    return newest


def find(session: Session, jurisdiction_id: str, draft_id: UUID) -> RoutingDraft:
    """Raises NotFound, also for another city's draft."""
    draft = session.get(RoutingDraft, draft_id)
    if draft is None or draft.jurisdiction_id != jurisdiction_id:
        raise NotFound("No existe ese borrador.")
    return draft


def open_drafts(session: Session, jurisdiction_id: str) -> list[RoutingDraft]:
    """Those that may still be published, the one that was changed last first."""
    return list(
        session.exec(
            select(RoutingDraft)
            .where(RoutingDraft.jurisdiction_id == jurisdiction_id, RoutingDraft.state == "open")
            .order_by(col(RoutingDraft.changed_at).desc())
        )
    )


def locked(session: Session, draft_id: UUID, seen_version: int | None = None) -> RoutingDraft:
    """The draft, kept from others until this transaction ends.

    Raises NotFound; Conflict when it is no longer open, or was changed after the version that the caller saw.
    """
    draft = session.exec(
        select(RoutingDraft).where(RoutingDraft.id == draft_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if draft is None:
        raise NotFound("No existe ese borrador.")
    if draft.state != "open":
        raise Conflict("Este borrador ya se publicó o se descartó.")
    refuse_unseen(draft, seen_version)
    return draft


def refuse_unseen(draft: RoutingDraft, seen_version: int | None) -> None:
    """Raises Conflict when the draft was changed after the version that the caller saw."""
    if seen_version is not None and draft.version != seen_version:
        raise Conflict("{who} cambió este borrador mientras lo veías. Revisa lo nuevo.", who=draft.changed_by)


def _touch(session: Session, draft: RoutingDraft, by: str, now: datetime) -> RoutingDraft:
    draft.version += 1
    draft.changed_by, draft.changed_at = by, now
    session.add(draft)
    session.flush()
    return draft


def write_rules(
    session: Session,
    draft_id: UUID,
    rules: Iterable[Rule],
    default_agency_code: str,
    *,
    text: str,
    seen_version: int | None = None,
    by: str,
    now: datetime,
) -> RoutingDraft:
    """The draft's rules from now on, with the text that they were read from. Raises InvalidInput, Conflict."""
    draft = locked(session, draft_id, seen_version)
    wanted = rule_sets.checked(rules, default_agency_code, queries.agencies(session, draft.jurisdiction_id))
    draft.rules = {
        "default_agency_code": default_agency_code,
        "rules": rule_sets.content(default_agency_code, wanted, (), {})["rules"],
    }
    draft.rules_text = text
    return _touch(session, draft, by, now)


def replace_layer(
    session: Session,
    draft_id: UUID,
    *,
    key: str,
    name: Mapping[str, str],
    areas: Iterable[tuple[str, str, BaseGeometry]],
    seen_version: int | None = None,
    by: str,
    now: datetime,
) -> RoutingDraft:
    """The whole layer as it would be. Raises InvalidInput for what `import_layer` would not take."""
    draft = locked(session, draft_id, seen_version)
    areas = list(areas)
    kind = kind_of(areas)
    wanted, _, _ = read_areas(areas)
    refuse_other_kind(session, draft.jurisdiction_id, key, kind)
    _drop_layer(session, draft_id, key)
    layer = RoutingDraftLayer(draft_id=draft_id, key=key, kind=kind, name=dict(name))
    session.add(layer)
    session.flush()
    session.add_all(
        RoutingDraftArea(layer_id=layer.id, code=code, name=label, geometry=geometry)
        for code, (label, geometry) in wanted.items()
    )
    return _touch(session, draft, by, now)


def drop_layer(
    session: Session, draft_id: UUID, key: str, *, seen_version: int | None = None, by: str, now: datetime
) -> RoutingDraft:
    """The layer stays as it is in force."""
    draft = locked(session, draft_id, seen_version)
    _drop_layer(session, draft_id, key)
    return _touch(session, draft, by, now)


def _drop_layer(session: Session, draft_id: UUID, key: str) -> None:
    session.exec(
        delete(RoutingDraftLayer).where(col(RoutingDraftLayer.draft_id) == draft_id, col(RoutingDraftLayer.key) == key)
    )


def add_test(
    session: Session, draft_id: UUID, test: RuleTest, *, seen_version: int | None = None, by: str, now: datetime
) -> RoutingDraft:
    """Adds the test, or replaces the one of the same code. Raises InvalidInput when nobody could pass it."""
    draft = locked(session, draft_id, seen_version)
    known = queries.agencies(session, draft.jurisdiction_id)
    if test.expects not in ("outside", "default") and test.expects not in known:
        raise InvalidInput("No existe la dependencia {code}.", field="expects", code=test.expects)
    draft.tests = [*(kept for kept in draft.tests if kept["code"] != test.code), test.as_json()]
    return _touch(session, draft, by, now)


def remove_test(
    session: Session, draft_id: UUID, code: str, *, seen_version: int | None = None, by: str, now: datetime
) -> RoutingDraft:
    draft = locked(session, draft_id, seen_version)
    draft.tests = [kept for kept in draft.tests if kept["code"] != code]
    return _touch(session, draft, by, now)


def discard(
    session: Session, draft_id: UUID, *, seen_version: int | None = None, by: str, now: datetime
) -> RoutingDraft:
    """Nobody publishes it any more; it stays on record."""
    draft = locked(session, draft_id, seen_version)
    draft.state = "discarded"
    return _touch(session, draft, by, now)


def reopen(session: Session, draft_id: UUID, *, by: str, now: datetime) -> RoutingDraft:
    """The draft of a set that was taken back may be changed and published again."""
    draft = session.get_one(RoutingDraft, draft_id, with_for_update=True)
    draft.state, draft.published_version, draft.valid_from = "open", None, None
    return _touch(session, draft, by, now)


def bring_up_to_date(session: Session, draft_id: UUID, *, by: str, now: datetime) -> RoutingDraft:
    """Bases the draft on the newest set. What the draft says itself stays; the tests that were added to the set since come in."""
    draft = locked(session, draft_id)
    newest = newest_of(session, draft.jurisdiction_id)
    base = queries.rule_set(session, draft.jurisdiction_id, draft.base_version)
    before = {test["code"] for test in base.content.get("tests", ())}
    mine = {test["code"] for test in draft.tests}
    since = [test for test in newest.content.get("tests", ()) if test["code"] not in before | mine]
    draft.tests = [*draft.tests, *since]
    draft.base_version = newest.version
    return _touch(session, draft, by, now)


def layers_in(session: Session, draft_id: UUID) -> list[RoutingDraftLayer]:
    return list(
        session.exec(
            select(RoutingDraftLayer).where(RoutingDraftLayer.draft_id == draft_id).order_by(col(RoutingDraftLayer.key))
        )
    )


def areas_in(session: Session, layer_id: UUID) -> list[tuple[str, str, BaseGeometry]]:
    """(code, name, geometry) of a draft's layer, by code."""
    rows = session.exec(
        select(RoutingDraftArea).where(RoutingDraftArea.layer_id == layer_id).order_by(col(RoutingDraftArea.code))
    ).all()
    shapes = shapely.from_wkb([row.geometry for row in rows])
    return [(row.code, row.name, shape) for row, shape in zip(rows, shapes, strict=True)]


def content_of(session: Session, draft: RoutingDraft) -> dict[str, Any]:
    """What a rule set of this draft would keep: its rules and tests, with the agencies and calendars of the newest set."""
    newest = newest_of(session, draft.jurisdiction_id)
    return {**newest.content, **(draft.rules or {}), "tests": list(draft.tests)}


def book_of(session: Session, draft: RoutingDraft) -> RuleBook:
    """The rules of the draft as the next version. Raises InvalidInput when nobody could apply them."""
    return rule_sets.book_of(
        draft.jurisdiction_id, queries.last_version(session, draft.jurisdiction_id) + 1, content_of(session, draft)
    )


def layers_of(session: Session, draft: RoutingDraft, valid_from: date) -> dict[str, Layer]:
    """The boundaries as they would be, were the draft published for that day: earlier days as they are."""
    layers = dict(queries.city(session, draft.jurisdiction_id).layers)
    for row in layers_in(session, draft.id):
        live = layers.get(row.key)
        before = [
            Area(area.code, area.name, area.geometry, area.valid_from, min(area.valid_to or valid_from, valid_from))
            for area in (live.index.areas if live is not None else ())
            if area.valid_from < valid_from
        ]
        new = [Area(code, name, geometry, valid_from, None) for code, name, geometry in areas_in(session, row.id)]
        index = BoundaryIndex(row.key, [*before, *new], "line" if row.kind == "line" else "area")
        layers[row.key] = Layer(row.key, live.name if live is not None else row.name, index)
    return layers
