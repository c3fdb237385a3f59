"""From the mailbox into the database: each mail is committed as it came before it is marked as read, so a crash loses none.

A crash in between fetches the mail again; its id makes it one message. What cannot be read is kept and put away too.
"""

import math
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlmodel import col

from channels.email.adapter import EmailChannel
from channels.email.mailbox import Mailbox, MailboxError
from channels.email.models import MailboxPosition
from channels.receiving import receive_call
from channels.values import Webhook
from kernel import clock, db
from kernel.errors import AtiendeError

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=90)
BATCH = 50
# The first look into a mailbox that people have used for years: what is older was answered by somebody.
_FIRST_LOOK = timedelta(days=1)
# When the server numbers its mails anew: what was taken in already is recognised.
_NEW_NUMBERS_LOOK = timedelta(days=7)


@dataclass(frozen=True)
class _Position:
    mailbox: str
    validity: int
    last_uid: int


_looked_at: dict[str, float] = {}


def fetch_when_due(channel: EmailChannel) -> None:
    """Takes in all that is new, `poll_s` after this process last did."""
    now, mailbox = time.monotonic(), channel.settings.address
    if now - _looked_at.get(mailbox, -math.inf) < channel.settings.poll_s:
        return
    _looked_at[mailbox] = now
    while fetch(channel) == BATCH:
        pass


def fetch(channel: EmailChannel) -> int:
    """Takes in what is new, a batch at most; how many mails that were. A mailbox that is away is looked into later."""
    settings = channel.settings
    position = _claim(f"{settings.imap_user}@{settings.imap_host}:{settings.imap_port}/{settings.inbox_folder}")
    if position is None:
        return 0
    count = 0
    try:
        with Mailbox(settings, settings.inbox_folder) as box:
            position, waiting = _waiting(box, position)
            for uid in waiting[:BATCH]:
                count += _take(channel, box, position, uid)
    except MailboxError as error:
        log.warning("email.mailbox_away", error=str(error))
    finally:
        _release(position.mailbox)
    return count


def _take(channel: EmailChannel, box: Mailbox, position: _Position, uid: int) -> bool:
    raw = box.fetch(uid)
    if raw is not None:
        call = Webhook(f"imap:{position.validity}/{uid}", "", {}, raw, clock.now())
        try:
            receive_call(channel, call)
        except (OperationalError, InterfaceError, TimeoutError):
            raise
        except (AtiendeError, ValueError):
            # Kept already, and tried again by itself; the mails behind it must not wait.
            log.exception("email.not_taken_in", uid=uid)
        box.put_away(uid)
    _advance(position, uid)
    return raw is not None


def _waiting(box: Mailbox, position: _Position) -> tuple[_Position, list[int]]:
    """The numbers of the mails to take in, and where that is counted from."""
    validity = box.numbering.validity
    if position.validity == validity:
        return position, box.after(position.last_uid)
    is_first = position.validity == 0
    today = clock.now().date()
    found = box.since(today - (_FIRST_LOOK if is_first else _NEW_NUMBERS_LOOK), unseen_only=is_first)
    last = found[0] - 1 if found else box.numbering.next_uid - 1
    log.info("email.numbered_anew", is_first=is_first, mails=len(found))
    _begin(position.mailbox, validity, last)
    return _Position(position.mailbox, validity, last), found


def _claim(mailbox: str) -> _Position | None:
    """Where to go on, for one worker at a time; None while another is at it."""
    now = clock.now()
    with db.transaction() as session:
        fresh = {"mailbox": mailbox, "validity": 0, "last_uid": 0, "leased_until": now, "changed_at": now}
        session.execute(insert(MailboxPosition).values(fresh).on_conflict_do_nothing())
        row = session.execute(
            update(MailboxPosition)
            .where(col(MailboxPosition.mailbox) == mailbox, col(MailboxPosition.leased_until) <= now)
            .values(leased_until=now + LEASE)
            .returning(col(MailboxPosition.validity), col(MailboxPosition.last_uid))
        ).one_or_none()
    return None if row is None else _Position(mailbox, row[0], row[1])


def _begin(mailbox: str, validity: int, last_uid: int) -> None:
    _write(mailbox, validity=validity, last_uid=last_uid)


def _advance(position: _Position, uid: int) -> None:
    now = clock.now()
    with db.transaction() as session:
        session.execute(
            update(MailboxPosition)
            .where(col(MailboxPosition.mailbox) == position.mailbox, col(MailboxPosition.validity) == position.validity)
            .values(
                last_uid=func.greatest(col(MailboxPosition.last_uid), uid), leased_until=now + LEASE, changed_at=now
            )
        )


def _release(mailbox: str) -> None:
    _write(mailbox, leased_until=clock.now())


def _write(mailbox: str, **values: object) -> None:
    with db.transaction() as session:
        session.execute(
            update(MailboxPosition)
            .where(col(MailboxPosition.mailbox) == mailbox)
            .values(changed_at=clock.now(), **values)
        )
