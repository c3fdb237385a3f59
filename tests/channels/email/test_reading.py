"""Mails of every make give the words that were written just now, or are labelled unreadable: never anything else."""

import contextlib
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.flowing import flowed, unflowed
from channels.email.reading import UnreadableMail, read, recipient_of
from intake.conversations.values import DeliveryReceipt, InboundMessage
from tests.channels.email.mails import CITY_ADDRESS, OUR_ID, OURS, ROSA, SENT_ID, bounce, make_mail
from tests.factories import NOW


def message(mail: EmailMessage | bytes) -> InboundMessage:
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    [found] = read(raw, OURS, NOW)
    assert isinstance(found, InboundMessage)
    return found


def receipt(raw: bytes) -> DeliveryReceipt:
    [found] = read(raw, OURS, NOW)
    assert isinstance(found, DeliveryReceipt)
    return found


def test_a_plain_mail() -> None:
    found = message(
        make_mail("Hay un hoyo enorme.\n", subject="Bache en Av. Sabinos 214", to=f"Centro 311 <{CITY_ADDRESS}>")
    )
    assert (found.sender, found.sender_kind, found.profile_name) == (ROSA, "email", "Rosa Díaz")
    assert (found.recipient, found.provider_message_id) == (CITY_ADDRESS, "<m1@correo.example>")
    assert found.subject == "Bache en Av. Sabinos 214"
    assert found.body == "Bache en Av. Sabinos 214.\nHay un hoyo enorme."
    assert found.received_at == NOW


@pytest.mark.parametrize(
    ("text", "fresh"),
    [
        ("1\n\nEl jue, 19 nov 2026 a las 13:00, 311 (<311@prueba.gob.example>) escribió:\n> ¿Es el mismo?\n> 1 sí\n", "1"),
        ("Sí\n\nOn Thu, Nov 19, 2026 at 1:00 PM 311 <\n311@prueba.gob.example> wrote:\n\n> Is it?\n", "Sí"),
        ("2\n\nSaludos,\nRosa Díaz\nTel. 55 1234 5678\n", "2"),
        ("1\n-- \nRosa Díaz\nContadora\n", "1"),
        ("2\n\nEnviado desde mi iPhone\n", "2"),
        ("Es el 2\n\nObtener Outlook para Android\n________________________________\nDe: 311\nEnviado: hoy\n", "Es el 2"),
        ("BAJA\n\nGracias por todo, ya no necesito los avisos\n", "BAJA"),
        ("Calle Morelos 5\n\n-----Mensaje original-----\nDe: 311 <311@x.mx>\nAsunto: Re\n\n¿Dónde es?", "Calle Morelos 5"),
        ("Calle Morelos 5\n\nDe: 311 <311@x.mx>\nEnviado el: lunes\nPara: Rosa\nAsunto: Re\n\n¿Dónde?", "Calle Morelos 5"),
        ("> ¿Dónde es?\nEn Sabinos 214\n> ¿Desde cuándo?\nDesde ayer\n", "En Sabinos 214\nDesde ayer"),
        ("Gracias\n", "Gracias"),
        ("Gracias\nLa fuga es en la calle Morelos\n", "Gracias\nLa fuga es en la calle Morelos"),
        ("Mide 20 m\n--------------------\nde largo\n", "Mide 20 m\n--------------------\nde largo"),
    ],
)  # fmt: skip
def test_history_and_signatures_are_left_out(text: str, fresh: str) -> None:
    assert message(make_mail(text, subject="Re: Folio", in_reply_to=OUR_ID)).body == fresh


def test_a_forwarded_mail_is_what_it_forwards() -> None:
    text = "---------- Forwarded message ---------\nDe: Luis <luis@x.mx>\nAsunto: fuga\n\nHay una fuga en Sabinos 214\n"
    assert "Hay una fuga en Sabinos 214" in message(make_mail(text, subject="Fwd: fuga")).body


def test_the_subject_is_the_words_when_there_are_no_others() -> None:
    assert message(make_mail("", subject="BAJA")).body == "BAJA"
    assert message(make_mail("BAJA\n", subject="unsubscribe me please")).body == "BAJA"
    assert message(make_mail("hay una fuga\n", subject="Reporte")).body == "hay una fuga"
    assert message(make_mail("Fuga de agua en Sabinos\n", subject="fuga de agua")).body == "Fuga de agua en Sabinos"


def test_html_alone_is_read_as_a_person_would() -> None:
    html = (
        "<html><head><title>x</title><style>p{color:red}</style></head><body><p>Hay&nbsp;un <b>bache</b><br>en Sabinos</p>"
        "<script>alert(1)</script><ul><li>grande<li>hondo</ul><div class='gmail_quote'>El lunes X escribió:<blockquote>viejo"
        "</blockquote></div></body></html>"
    )
    assert message(make_mail(None, html=html)).body == "Hay un bache\nen Sabinos\n- grande\n- hondo"


def test_plain_text_goes_before_html() -> None:
    assert message(make_mail("lo llano", html="<p>lo otro</p>")).body == "lo llano"


@pytest.mark.parametrize(
    ("declared", "raw", "text"),
    [
        ("utf-8", "¿Cuándo vendrán? 🚧".encode(), "¿Cuándo vendrán? 🚧"),
        ("iso-8859-1", "niño “roto”".encode("cp1252"), "niño “roto”"),
        ("us-ascii", "niño".encode(), "niño"),
        ("utf-8", "niño".encode("latin-1"), "niño"),
        ("x-no-such", "niño".encode(), "niño"),
        ("unicode_escape", rb"a\x41", rb"a\x41".decode()),
        ("utf-16", "niño".encode("utf-16"), "niño"),
        ("gb2312", "路灯坏了".encode("gb2312"), "路灯坏了"),
    ],
)
def test_alphabets_true_and_false(declared: str, raw: bytes, text: str) -> None:
    head = f"From: {ROSA}\nMIME-Version: 1.0\nContent-Type: text/plain; charset={declared}\n"
    from base64 import encodebytes

    mail = (head + "Content-Transfer-Encoding: base64\n\n").encode() + encodebytes(raw)
    assert message(mail).body == text


def test_headers_in_any_dress() -> None:
    raw = (
        f"From: =?utf-8?q?Rosa_D=C3=ADaz=0ABcc=3A_todos?= <{ROSA}>\nTo: 311@PRUEBA.gob.example\n"
        "Subject: =?iso-8859-1?Q?Fuga_en_Pe=F1=F3n?=\n =?bogus?b?AAAA?=\nMessage-ID:   <a@b>  \n\nhola\0 fuga\n"
    ).encode()
    found = message(raw)
    assert found.profile_name == "Rosa Díaz Bcc: todos"
    assert found.subject.startswith("Fuga en Peñón")
    assert found.recipient == CITY_ADDRESS
    assert "\0" not in found.body


def test_addresses_of_other_alphabets_and_with_quotes() -> None:
    assert message(make_mail(sender="Ñandú <x@muñoz.example>").as_bytes()).sender == "x@xn--muoz-hqa.example"
    assert message(b'From: "Rosa, la de arriba" <"rosa.d"@correo.example>\n\nfuga').sender == '"rosa.d"@correo.example'


@pytest.mark.parametrize(
    "head",
    [
        "To: a@b.mx\n",
        "From: nobody\n",
        "From: a@b.mx, c@d.mx\n",
        "From: \n",
        "no headers at all",
        "From: a b@c\n",
        "From: " + "a" * 300 + "@b.mx\n",
    ],
)
def test_a_mail_of_nobody_is_unreadable(head: str) -> None:
    with pytest.raises(UnreadableMail):
        read(head.encode() + b"\nfuga", OURS, NOW)


@pytest.mark.parametrize(
    ("raw", "recipient"),
    [
        (f"To: Centro <{CITY_ADDRESS}>\n\nsin remitente".encode(), CITY_ADDRESS),
        (
            f"Delivered-To: {CITY_ADDRESS}\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a".encode(),
            CITY_ADDRESS,
        ),
        (b"To: nadie@otra.example\n\nhola", None),
        (b"nada de encabezados", None),
        (b"", None),
    ],
)
def test_whom_an_unreadable_one_was_for(raw: bytes, recipient: str | None) -> None:
    assert recipient_of(raw, OURS) == recipient


@given(st.binary())
def test_asking_whom_it_was_for_bears_anything(raw: bytes) -> None:
    assert recipient_of(raw, OURS) in (None, *OURS.addresses) or "@" in str(recipient_of(raw, OURS))


def test_of_several_writers_the_one_who_sent_it_counts() -> None:
    assert message(f"From: a@b.mx, c@d.mx\nSender: {ROSA}\n\nfuga".encode()).sender == ROSA


def test_without_a_message_id_the_bytes_are_its_name() -> None:
    first, same, other = (message(make_mail(text, message_id=None)) for text in ("fuga", "fuga", "bache"))
    assert first.provider_message_id == same.provider_message_id != other.provider_message_id
    assert first.provider_message_id.startswith("sha256:")


def test_what_is_answered_is_known_by_references_or_by_the_address() -> None:
    assert message(make_mail("1", references=f"<other@x> {OUR_ID}")).reply_to == OUR_ID
    assert message(make_mail("1", to=f"311+{SENT_ID}@prueba.gob.example")).reply_to == OUR_ID
    assert message(make_mail("1", in_reply_to="<somebody@else>")).reply_to is None


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "auto-generated; x=y"},
        {"precedence": "bulk"},
        {"list_id": "<vecinos.example>"},
        {"x_autoreply": "yes"},
        {"return_path": "<>"},
        {"subject": "Respuesta automática: Re: folio"},
        {"subject": "Automatic reply: Out of Office"},
        {"sender": "Avisos <no-reply@banco.example>"},
        {"sender": "MAILER-DAEMON@correo.example"},
        {"sender": "postmaster@correo.example"},
    ],
)
def test_machines_are_kept_and_told_apart(headers: dict[str, str]) -> None:
    assert message(make_mail(**headers)).sender_kind == "sender"


def test_a_holiday_notice_that_does_not_say_so_is_known_by_its_words_when_it_answers_us() -> None:
    words = "Gracias por escribir. Estoy de vacaciones hasta el lunes.\n"
    assert message(make_mail(words, in_reply_to=OUR_ID)).sender_kind == "sender"
    assert message(make_mail(words)).sender_kind == "email"


def test_people_are_no_machines() -> None:
    assert message(make_mail(auto_submitted="no", subject="Ausencia de luz en mi calle")).sender_kind == "email"
    assert message(make_mail(return_path=f"<{ROSA}>")).sender_kind == "email"


def test_our_own_mail_coming_back_is_nothing() -> None:
    assert read(make_mail(sender="Centro <311@PRUEBA.gob.example>").as_bytes(), OURS, NOW) == []


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        ("5.1.1", "user unknown", "no_such_address"),
        ("5.2.2", "mailbox full", "mailbox_full"),
        ("5.7.1", "blocked as spam", "taken_for_spam"),
        ("4.4.7", "delivery time expired", "mail_server_silent"),
        ("5.1.2", "bad destination", "no_such_domain"),
        ("5.9.9", "whatever", "mail_refused"),
    ],
)
def test_a_bounce_tells_what_became_of_ours(status: str, words: str, reason: str) -> None:
    found = receipt(bounce(status=status, words=words))
    assert (found.provider_message_id, found.client_ref) == (OUR_ID, SENT_ID)
    assert (found.status, found.error_code) == ("undelivered", reason)


def test_a_delay_is_no_end_and_a_delivery_is() -> None:
    assert read(bounce(action="delayed", status="4.4.1"), OURS, NOW) == []
    assert receipt(bounce(action="delivered", status="2.0.0")).status == "delivered"


def test_a_bounce_of_somebody_elses_mail_is_a_machines_letter() -> None:
    assert message(bounce("<other@elsewhere>")).sender_kind == "sender"


def test_a_bounce_in_prose() -> None:
    text = f"Hi. This is the qmail-send program.\n<{ROSA}>: 550 5.1.1 sorry, no mailbox here\n\nMessage-ID: {OUR_ID}\n"
    found = receipt(make_mail(text, sender="MAILER-DAEMON@correo.example", subject="failure notice").as_bytes())
    assert (found.status, found.error_code) == ("undelivered", "no_such_address")


def test_a_photo_comes_with_its_bytes_and_its_plain_name() -> None:
    mail = make_mail("Foto del bache")
    mail.add_attachment(b"\xff\xd8" + b"x" * 5000, maintype="image", subtype="jpeg", filename="../../fo\u202eto.jpg")
    mail.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="cita.ics")
    mail.add_attachment(b"x" * 100, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    photo, calendar, tnef = message(mail).media
    assert (photo.kind, photo.content_type, photo.size_bytes) == ("photo", "image/jpeg", 5002)
    assert photo.data is not None
    assert "/" not in photo.file_name
    assert (calendar.kind, calendar.data, tnef.kind, tnef.data) == ("other", None, "other", None)


def test_limits_leave_a_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.email.parts.MOST_MEDIA_BYTES", 10_000)
    mail = make_mail("fotos")
    for count in range(14):
        mail.add_attachment(b"x" * 4000, maintype="image", subtype="png", filename=f"{count}.png")
    media = message(mail).media
    assert len(media) == 10
    assert [part.data is not None for part in media] == [True, True] + [False] * 8
    assert {part.size_bytes for part in media} == {4000}


def test_an_ornament_in_the_text_is_no_photo() -> None:
    mail = make_mail("hola", html="<p>hola <img src='cid:logo'></p>")
    html = mail.get_payload()[1]  # type: ignore[index]  # the alternative just added
    html.add_related(b"x" * 500, "image", "png", cid="<logo>")  # type: ignore[union-attr]
    html.add_related(b"x" * 5000, "image", "jpeg", cid="<photo>")  # type: ignore[union-attr]
    assert [part.content_type for part in message(mail).media] == ["image/jpeg"]


def test_nesting_without_end_is_unreadable_and_quick() -> None:
    head = f"From: {ROSA}\n"
    deep = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(5000))
    with pytest.raises(UnreadableMail):
        read((head + deep + "\n\nhola").encode(), OURS, NOW)


@given(st.text(max_size=400), st.integers(20, 90))
def test_flowed_text_comes_back(text: str, width: int) -> None:
    lines = text.replace("\r", "").split("\n")
    plain = "\n".join(" ".join(line.split()) for line in lines)
    if any(line == "--" or line.startswith(">") for line in plain.split("\n")):
        return
    assert unflowed(flowed(plain, width), joins=False) == plain


@given(st.binary(max_size=2000))
def test_any_bytes_are_events_or_unreadable(raw: bytes) -> None:
    with contextlib.suppress(UnreadableMail):
        read(raw, OURS, NOW)


_VALUES = st.one_of(
    st.sampled_from(
        [
            "multipart/mixed; boundary=b", "multipart/alternative; boundary=\"b\"", "text/html; charset=utf-7", "text/plain",
            "multipart/report; report-type=delivery-status; boundary=b", "message/rfc822", "message/delivery-status",
            "base64", "quoted-printable", "x-uuencode",
            "attachment; filename*=bogus''%ff%fe", "inline; filename*0*=a; filename*1=b",
            "=?utf-8?b?////?=", "a@b.mx", "<>", "<x@y>", "image/png; name=\"=?x?q?=\"", "application/octet-stream",
        ]
    ),
    st.text(max_size=60),
)  # fmt: skip
_NAMES = st.sampled_from(
    [
        "From", "From", "To", "Subject", "Content-Type", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
        "Message-ID", "References",
        "Auto-Submitted", "Action", "Status", "Sender", "Content-ID", "Return-Path", "X-Failed-Recipients",
    ]
)  # fmt: skip


@given(
    st.lists(st.tuples(_NAMES, _VALUES), max_size=8),
    st.lists(st.tuples(st.lists(st.tuples(_NAMES, _VALUES), max_size=4), st.binary(max_size=120)), max_size=5),
)
def test_any_structure_is_events_or_unreadable(
    top: list[tuple[str, str]], parts: list[tuple[list[tuple[str, str]], bytes]]
) -> None:
    def block(fields: list[tuple[str, str]]) -> bytes:
        return b"".join(f"{name}: {value}\n".encode("utf-8", "surrogatepass") for name, value in fields) + b"\n"

    raw = block([("From", ROSA), *top]) + b"".join(b"--b\n" + block(fields) + body + b"\n" for fields, body in parts)
    try:
        found = read(raw + b"--b--\n", OURS, NOW)
    except UnreadableMail:
        return
    for event in found:
        if isinstance(event, InboundMessage):
            assert "\0" not in event.body
            assert "\n" not in event.subject + event.profile_name + event.sender


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60),
)
def test_what_is_written_is_read(text: str, subject: str) -> None:
    plain = " ".join(text.split())
    mail = make_mail(f"x {plain} x", subject=" ".join(subject.split()), in_reply_to=OUR_ID)
    assert " ".join(message(mail).body.split()) == " ".join(f"x {plain} x".split())
