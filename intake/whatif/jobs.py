"""Jobs of what-ifs and re-routing. Each does a bounded part and asks for the next one by an event."""

from uuid import UUID

from intake.whatif import reroutes, rounds, runs
from kernel import clock, db, outbox


def advance_run(run_id: str) -> None:
    """The next part of a what-if; `whatif_run.advanced` brings the one after."""
    with db.transaction() as session:
        runs.advance(session, UUID(run_id), now=clock.now())


def plan_reroutes(rule_set_id: str) -> None:
    """A published rule set will be looked at when its day comes."""
    with db.transaction() as session:
        rounds.plan(session, UUID(rule_set_id), now=clock.now())


def drop_reroutes(rule_set_id: str) -> None:
    """A rule set that was taken back is not looked at."""
    with db.transaction() as session:
        rounds.drop(session, UUID(rule_set_id))


def look_for_reroutes(round_id: str) -> None:
    """The next open requests of a publication or an import."""
    with db.transaction() as session:
        rounds.look(session, UUID(round_id), now=clock.now())


def carry_out_reroutes(jurisdiction_id: str) -> None:
    """Some accepted proposals, each in a transaction of its own; the rest by another event."""
    for _ in range(reroutes.AT_ONCE):
        with db.transaction() as session:
            if not reroutes.carry_out_one(session, jurisdiction_id, now=clock.now()):
                return
    with db.transaction() as session:
        outbox.record(session, reroutes.ACCEPTED, at=clock.now(), jurisdiction_id=jurisdiction_id)


def sweep() -> None:
    """Finds what a killed worker left, what a new day brings, and what the city has overtaken."""
    now = clock.now()
    with db.transaction() as session:
        runs.wake_orphans(session, now=now)
        rounds.wake(session, now=now)
        reroutes.tidy(session, now=now)
