"""Taking files in before the report that they belong to is written.

A row is committed first, then the bytes are stored, and only then may a request point at the row: whatever dies in between, no
request ever shows a photo whose bytes are not there, and what nobody attached is found by its row and thrown away.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from intake.media.models import MediaFile
from intake.media.sniffing import sniff
from intake.media.storage import is_configured, new_key, shelf
from intake.media.values import Look, NotAPhoto, Received, SentFile
from kernel import db
from kernel.errors import InvalidInput, Unavailable


def receive(
    jurisdiction_id: str, files: Sequence[SentFile], *, now: datetime, beside: Collection[UUID] = ()
) -> Received:
    """Stores what can be a photo. Opens its own transactions: never call it inside one.

    beside: photos that were received for the same report before; they count, and the same bytes are not taken again.
    """
    if not files:
        return Received()
    if not is_configured():
        return Received(problems=(_not_kept(),))
    with db.transaction() as session:
        known = _digests(session, beside)
    chosen, problems = _choose(files, known, room=shelf().limits.max_files - len(beside))
    with db.transaction() as session:
        rows = [_reserve(session, jurisdiction_id, sent, look, digest, now) for _, sent, look, digest in chosen]
    stored: list[UUID] = []
    for (number, sent, _, _), row in zip(chosen, rows, strict=True):
        try:
            shelf().storage.put(row.original_key, sent.data)
        except Unavailable:
            problems.append(
                Unkept("La foto {number} no se pudo guardar en este momento; el reporte sí.", number=number)
            )
        else:
            stored.append(row.id)
    return Received(tuple(stored), tuple(problems))


def look_over(files: Sequence[SentFile]) -> tuple[InvalidInput, ...]:
    """What `receive` would say about these files; nothing is stored."""
    if not is_configured():
        return (_not_kept(),) if files else ()
    return tuple(_choose(files, set(), room=shelf().limits.max_files)[1])


class Unkept(InvalidInput):
    """A photo that is fine and is not kept all the same."""


def _not_kept() -> Unkept:
    return Unkept("La foto no se guardó: manda su dirección en media_url.")


_Chosen = tuple[int, SentFile, Look, bytes]


def _choose(files: Sequence[SentFile], known: set[bytes], *, room: int) -> tuple[list[_Chosen], list[InvalidInput]]:
    """The photos among the files with their numbers, once each, as many as there is room for; and what is wrong with the rest."""
    limits = shelf().limits
    chosen: list[_Chosen] = []
    problems: list[InvalidInput] = []
    seen = set(known)
    is_full = False
    for number, sent in enumerate(files, start=1):
        try:
            look = sniff(sent.data, number=number, max_bytes=limits.max_file_bytes, max_pixels=limits.max_pixels)
        except NotAPhoto as problem:
            problems.append(problem)
            continue
        digest = sent.digest()
        if digest in seen:
            continue
        if len(chosen) >= room:
            is_full = True
            continue
        seen.add(digest)
        chosen.append((number, sent, look, digest))
    if is_full:
        problems.append(Unkept("Caben {limit} fotos en un reporte; las demás no se guardaron.", limit=limits.max_files))
    return chosen, problems


def _digests(session: Session, ids: Collection[UUID]) -> set[bytes]:
    return set(session.exec(select(MediaFile.sha256).where(col(MediaFile.id).in_(ids)))) if ids else set()


def _reserve(
    session: Session, jurisdiction_id: str, sent: SentFile, look: Look, digest: bytes, now: datetime
) -> MediaFile:
    row = MediaFile(
        jurisdiction_id=jurisdiction_id,
        sha256=digest,
        sent_type=look.media_type,
        sent_bytes=len(sent.data),
        storage_key=new_key(),
        width=look.width,
        height=look.height,
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    return row
