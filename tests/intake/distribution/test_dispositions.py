"""The short list at the end of a contact, and what it proposes."""

from intake.distribution import dispositions
from intake.distribution.dispositions import Disposition

_OURS = {"es": "x", "en": "x"}


def test_a_city_without_a_list_has_the_usual_one() -> None:
    assert dispositions.of_city({}) == dispositions.USUAL


def test_a_citys_list_is_its_own() -> None:
    rows = [{"code": "leak", "name": _OURS, "groups": ["agua"], "hint": "reported"}]
    assert dispositions.of_city({dispositions.SETTING: rows}) == [Disposition("leak", _OURS, ("agua",), "reported")]


def test_answers_of_the_group_come_first_and_those_of_others_not_at_all() -> None:
    water, trees, every = (
        Disposition("leak", _OURS, ("agua",)),
        Disposition("tree", _OURS, ("arboles",)),
        Disposition("any", _OURS),
    )
    known = [every, water, trees]
    assert dispositions.offered(known, {"agua"}) == [water, every]
    assert dispositions.offered(known, set()) == [every]


def test_the_stronger_hint_proposes() -> None:
    choices = list(dispositions.USUAL)
    assert dispositions.proposed(choices, ["reported", "known_folio"]) == "reported"
    assert dispositions.proposed(choices, ["known_folio"]) == "status"
    assert dispositions.proposed(choices, []) == ""
