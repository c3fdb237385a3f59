"""What people sent, in the console: seen by whoever may, played, named; never run, whatever it is called."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlmodel import Session, select

from channels import composing, registry
from channels.attachment_jobs import take_attachment
from channels.whatsapp.adapter import WhatsappChannel
from intake.conversations import arrivals
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMedia, InboundMessage, SharedPlace
from intake.media import storage
from intake.media.storage import Folder, Shelf
from kernel import clock
from kernel.settings import Media, Whatsapp
from tests.agent_console.conftest import Console
from tests.factories import CITY
from tests.intake.media.pictures import jpeg

OPUS = b"OggS\0\x02" + b"\0" * 22 + b"OpusHead\x01\x01" + b"\0" * 200
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> Iterator[None]:
    storage.configure(Shelf(Folder(tmp_path), Media(), "https://311.example"))
    yield
    storage.configure(None)


class Ana:
    """Writes on WhatsApp."""

    def __init__(self, session: Session) -> None:
        self.session, self.count = session, 0

    def send(self, body: str = "", *media: InboundMedia, ago: timedelta = timedelta(0), **more: Any) -> Conversation:
        self.count += 1
        at = clock.now() - ago + timedelta(milliseconds=self.count)
        told = InboundMessage(
            "whatsapp", f"SM{self.count}", "+5215512345678", "+525500000312", body, at, media, "whatsapp", **more
        )
        message = arrivals.receive(self.session, told, jurisdiction_id=CITY, now=at)
        conversation = self.session.get_one(Conversation, message.conversation_id)
        conversation.state = "with_agent"
        return conversation

    def attachments(self) -> list[MessageAttachment]:
        rows = list(self.session.exec(select(MessageAttachment)))
        for row in rows:
            take_attachment(str(row.id))
        self.session.expire_all()
        return list(self.session.exec(select(MessageAttachment).order_by(MessageAttachment.created_at)))  # type: ignore[arg-type]  # a column


@pytest.fixture
def ana(console: Console) -> Ana:
    registry.disconnect()
    return Ana(console.session)


def photo(colour: int = 1) -> InboundMedia:
    return InboundMedia("photo", content_type="image/jpeg", data=jpeg(colour=(colour, 9, 9)))


def test_photos_and_voice_notes_open_for_those_who_answer(console: Console, ana: Ana) -> None:
    thread = ana.send("mira", photo(), InboundMedia("voice", content_type="audio/ogg", data=OPUS))
    picture, sound = ana.attachments()
    there = f"/consola/conversaciones/{thread.id}/adjuntos"
    operator = console.enter("operator")
    page = operator.get(f"/consola/conversaciones/{thread.id}").text
    assert f'src="{there}/{picture.id}-mini.jpg"' in page
    assert f'<audio controls preload="none" src="{there}/{sound.id}"' in page
    for ending in (".jpg", "-mini.jpg"):
        shown = operator.get(f"{there}/{picture.id}{ending}")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert "sandbox" in shown.headers["content-security-policy"]
        assert shown.headers["x-content-type-options"] == "nosniff"
    played = operator.get(f"{there}/{sound.id}")
    assert (played.content, played.headers["content-type"]) == (OPUS, "audio/ogg")
    part = operator.get(f"{there}/{sound.id}", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"OggS", f"bytes 0-3/{len(OPUS)}")
    assert operator.get(f"{there}/{sound.id}", headers={"range": "bytes=9999-"}).status_code == 416
    assert operator.get(f"{there}/{sound.id}.jpg").status_code == 404
    assert operator.get(f"{there}/{picture.id}").status_code == 404
    assert operator.get(f"{there}/nothing").status_code == 404
    assert console.enter("agency").get(f"{there}/{picture.id}.jpg").status_code == 404
    assert console.anonymous().get(f"{there}/{picture.id}.jpg", follow_redirects=False).status_code in (303, 401)


def test_only_in_their_own_thread(console: Console, ana: Ana) -> None:
    thread = ana.send("mira", photo())
    [picture] = ana.attachments()
    elsewhere = UUID(int=7)
    assert thread.id != elsewhere
    answer = console.enter("operator").get(f"/consola/conversaciones/{elsewhere}/adjuntos/{picture.id}.jpg")
    assert answer.status_code == 404


def test_every_kind_shows_as_something(console: Console, ana: Ana) -> None:
    ana.send("", InboundMedia("document", content_type="application/pdf", file_name="oficio.pdf", data=b"x" * 2048))
    ana.send(
        "", InboundMedia("video", content_type="video/mp4", size_bytes=5_000_000, data=b"x"), ago=-timedelta(minutes=1)
    )
    ana.send("", InboundMedia("other", file_name="order"), ago=-timedelta(minutes=2))
    ana.send("", place=SharedPlace(-101.4184, 21.878, "Mercado El Carmen"), ago=-timedelta(minutes=3))
    thread = ana.send("", InboundMedia("photo", content_type="image/jpeg", data=b"<svg/>"), ago=-timedelta(minutes=4))
    ana.attachments()
    page = console.enter("operator").get(f"/consola/conversaciones/{thread.id}").text
    for words in (
        "oficio.pdf, application/pdf, 2.0 kB. Este tipo de archivo no se guarda.",
        "Un mensaje de un tipo que no se puede mostrar",
        "Mercado El Carmen",
        "21.87800, -101.41840",
        "No es una foto que se pueda leer.",
    ):
        assert words in page
    assert "(sin texto)" not in page


def test_an_album_shows_as_one(console: Console, ana: Ana) -> None:
    for colour in range(4):
        thread = ana.send("son varias" if colour == 0 else "", photo(colour))
    ana.send("y otra", photo(9), ago=-timedelta(minutes=5))
    ana.attachments()
    page = console.enter("operator").get(f"/consola/conversaciones/{thread.id}").text
    assert page.count('<ul class="parts">') == 2
    assert page.count("-mini.jpg") == 5


@pytest.mark.parametrize("language", ["es", "en"])
def test_nothing_they_write_is_run(console: Console, ana: Ana, language: str) -> None:
    named = InboundMedia("document", content_type=f"text/html{EVIL}", file_name=f"{EVIL}.svg", data=b"<svg/>")
    thread = ana.send(EVIL, named, profile_name=EVIL, place=SharedPlace(-99.1, 19.4, EVIL))
    ana.attachments()
    operator = console.enter("operator")
    for address in (f"/consola/conversaciones/{thread.id}", "/consola/conversaciones"):
        page = operator.get(f"{address}?lang={language}").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert" in page


def test_the_window_is_shown_and_kept(console: Console, ana: Ana) -> None:
    thread = ana.send("hola", profile_name="Ana 🌵")
    operator = console.enter("operator")
    page = operator.get(f"/consola/conversaciones/{thread.id}").text
    assert "WhatsApp acepta respuestas libres hasta" in page
    assert "se llama ahí «Ana 🌵», no lo confirmó" in page
    [message] = console.session.exec(select(Message)).all()
    message.at -= timedelta(hours=24)
    console.session.flush()
    page = operator.get(f"/consola/conversaciones/{thread.id}").text
    assert "Ya pasaron 24 horas" in page


def test_after_a_day_an_answer_is_refused_with_its_reason_and_not_lost(console: Console, ana: Ana) -> None:
    channel = WhatsappChannel(
        Whatsapp(account_sid="AC1", auth_token=SecretStr("t"), number="+525500000312"), "https://x"
    )
    composing.configure({"whatsapp": channel})
    fresh = ana.send("hola")
    operator = console.enter("operator")
    path = f"/consola/conversaciones/{fresh.id}"
    assert operator.send(path, f"{path}/respuesta", text="Ya va la cuadrilla").status_code == 303
    for message in console.session.exec(select(Message)).all():
        message.at -= timedelta(hours=25)
    console.session.flush()
    refused = operator.send(path, f"{path}/respuesta", text="¿Sigue igual?")
    assert refused.status_code == 400
    assert "WhatsApp solo acepta plantillas aprobadas" in refused.text
    assert "¿Sigue igual?</textarea>" in refused.text
    composing.configure({})
    channel.close()
