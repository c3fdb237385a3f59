"""Whatever Twilio says of a WhatsApp message, something is kept of it, and nothing is made up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.standin.whatsapp.content import _filled_in
from channels.whatsapp.offers import BODY, BUTTON, DESCRIPTION, MOST_BUTTONS, MOST_ROWS, ROW, offer
from channels.whatsapp.reading import read, sender_of
from channels.window import is_open, window_closes_at
from intake.conversations.values import Choice
from intake.people import addresses
from kernel.errors import ForgedWebhook
from tests.factories import NOW

WHOLE = {"From": "whatsapp:+5215512345678", "To": "whatsapp:+525500000312"}
NAMES = (
    "Body", "MessageType", "NumMedia", "MediaUrl0", "MediaContentType0", "MediaUrl1", "Latitude", "Longitude", "Label",
    "Address", "ButtonPayload", "ButtonText", "ListId", "ListTitle", "InteractiveData", "ProfileName", "ExternalUserId",
    "OriginalRepliedMessageSid", "OptOutType", "WaId", "Forwarded",
)  # fmt: skip
words = st.text(max_size=40) | st.sampled_from(
    ["0", "1", "2", "99", "image", "location", "nan", "inf", "1e400", "{", "null"]
)


@given(st.dictionaries(st.sampled_from(NAMES), words), st.booleans())
def test_any_parameters_are_a_message_with_something_in_it(parameters: dict[str, str], has_ends: bool) -> None:
    try:
        found = read(parameters | (WHOLE if has_ends else {}), "SM1", NOW)
    except ForgedWebhook:
        assert not has_ends
        return
    assert found.body.strip() or found.media or found.place or found.choice
    assert found.choice != ""
    if found.place:
        assert abs(found.place.lon) <= 180
        assert abs(found.place.lat) <= 90
    assert all(part.kind == "other" or part.reference for part in found.media)


@pytest.mark.parametrize(
    ("sent", "key"),
    [("whatsapp:+5215512345678", "+525512345678"), ("whatsapp:+525512345678", "+525512345678")],
)
def test_a_phone_is_one_person_however_it_is_written_and_answered_as_it_came(sent: str, key: str) -> None:
    found = addresses.read("whatsapp", sender_of({"From": sent}))
    assert (found.key, found.reachable, found.phone) == (key, sent.removeprefix("whatsapp:"), key)


def test_who_hides_their_number_is_somebody_all_the_same() -> None:
    hidden = {"From": "whatsapp:MX.13491208655302741918", "ExternalUserId": "whatsapp:MX.13491208655302741918"}
    found = addresses.read("whatsapp", sender_of(hidden))
    assert (found.key, found.phone) == ("MX.13491208655302741918", None)
    with pytest.raises(ForgedWebhook):
        sender_of({"From": "whatsapp:"})


@pytest.mark.parametrize(
    ("hours", "expected"), [(0, True), (23, True), (23.98, True), (23.995, False), (24, False), (900, False)]
)
def test_the_window_is_a_day_from_their_last_word(hours: float, expected: bool) -> None:
    assert is_open(NOW - timedelta(hours=hours), NOW) is expected
    assert window_closes_at(NOW) == NOW + timedelta(hours=24)


def test_to_somebody_who_never_wrote_it_is_closed() -> None:
    assert window_closes_at(None) is None
    assert not is_open(None, NOW)


labels = st.text(min_size=1, max_size=90).filter(lambda text: text.strip())


@given(st.text(max_size=1100), st.lists(labels, max_size=12), st.lists(st.text(max_size=90), min_size=12, max_size=12))
def test_what_is_offered_is_within_the_limits_and_comes_back_as_it_was(
    prompt: str, told: list[str], details: list[str]
) -> None:
    choices = [Choice(f"7.{n}", label, details[n]) for n, label in enumerate(told)]
    found = offer(prompt, choices, "es")
    if found is None:
        assert (
            not prompt.strip()
            or len(prompt.strip()) > BODY
            or not 0 < len(told) <= MOST_ROWS
            or any(len(" ".join(label.split())) > DESCRIPTION for label in told)
        )
        return
    assert set(found.variables) == {str(n) for n in range(1, len(found.variables) + 1)}
    assert all(value.strip() for value in found.variables.values())
    [(kind, shown)] = _filled_in(found.shape.definition(), found.variables).items()
    assert shown["body"] == prompt.strip()
    rows = shown["actions"] if kind == "twilio/quick-reply" else shown["items"]
    assert [row["id"] for row in rows] == [choice.value for choice in choices]
    if kind == "twilio/quick-reply":
        titles = [row["title"] for row in rows]
        assert len(rows) <= MOST_BUTTONS
        assert max(map(len, titles)) <= BUTTON
        assert titles == [" ".join(label.split()) for label in told]
    else:
        titles = [row["item"] for row in rows]
        assert len(rows) <= MOST_ROWS
        assert max(map(len, titles)) <= ROW
        assert max((len(row.get("description", "")) for row in rows), default=0) <= DESCRIPTION
        # Nobody loses the end of a label: it is in the title or below it, unless the row says something else there.
        for row, label, detail in zip(rows, told, details, strict=False):
            whole = " ".join(label.split())
            assert whole == row["item"] or whole == row.get("description") or detail.strip()
    assert len(set(titles)) == len(titles)


def test_a_few_short_answers_are_buttons_and_more_or_longer_ones_a_list() -> None:
    yes_no = offer("¿Es Av. Sabinos 214?", [Choice("3.1", "Sí"), Choice("3.2", "No")], "es")
    assert yes_no is not None
    assert yes_no.shape.name == "atiende_buttons_2_v1"
    assert yes_no.variables == {"1": "¿Es Av. Sabinos 214?", "2": "Sí", "3": "3.1", "4": "No", "5": "3.2"}
    three = [
        Choice("1.1", "Fuga de agua en la calle"),
        Choice("1.2", "Agua sucia o con mal olor"),
        Choice("1.3", "Otra"),
    ]
    listed = offer("¿Cuál de estos es?", three, "en")
    assert listed is not None
    assert listed.shape.name == "atiende_list_3_lines_1_v1"
    assert listed.variables["2"] == "See options"
    assert (listed.variables["5"], listed.variables["7"]) == ("Agua sucia o con mal…", "Agua sucia o con mal olor")
