"""Receipts in any order end in one state."""

from itertools import permutations

import pytest

from intake.conversations.delivery_states import earlier_than, later


@pytest.mark.parametrize(
    ("reports", "final"),
    [
        (("queued", "sent", "delivered", "failed"), "delivered"),
        (("sending", "accepted", "sent", "undelivered"), "undelivered"),
        (("uncertain", "sent", "delivered", "read"), "read"),
        (("queued", "failed", "undelivered", "sent"), "undelivered"),
    ],
)
def test_every_order_of_the_same_reports_ends_the_same(reports: tuple[str, ...], final: str) -> None:
    for order in permutations(reports):
        known = "queued"
        for report in order:
            known = later(known, report)
        assert known == final, order


def test_a_state_never_falls_back() -> None:
    assert later("delivered", "sent") == "delivered"
    assert later("sending", "uncertain") == "sending"
    assert later("suppressed", "delivered") == "delivered"
    with pytest.raises(KeyError):
        later("sent", "received")


def test_the_earlier_states_are_those_that_give_way() -> None:
    known = ("queued", "sending", "uncertain", "accepted", "sent", "failed", "undelivered", "delivered", "read")
    for reported in known[3:]:
        assert {one for one in known if later(one, reported) != one} == set(earlier_than(reported)) - {"suppressed"}
