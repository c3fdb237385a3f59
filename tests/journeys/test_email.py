"""Journeys by e-mail, as a program of a resident sees them: SMTP in, and what the stand-in's mailbox of theirs holds."""

import re
import smtplib
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import httpx
import psycopg
import pytest

from tests.intake.media.pictures import jpeg, taken_at
from tests.journeys.test_sms_to_agency import FOLIO, open311
from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]


class Resident:
    """Somebody's mail program, and what it got."""

    def __init__(self, demo: RunningDemo, address: str) -> None:
        self.demo = demo
        self.address = address

    def write(
        self, text: str, subject: str = "", answers: str = "", photo: bytes | None = None, to: str | None = None
    ) -> str:
        mail = EmailMessage()
        mail["From"] = f"Vecina <{self.address}>"
        mail["To"] = to or self.demo.facts["email"]["address"]
        mail["Subject"] = subject
        mail["Message-ID"] = make_msgid(domain="correo.example")
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        mail.set_content(text)
        if photo is not None:
            mail.add_attachment(photo, maintype="image", subtype="jpeg", filename="foto.jpg")
        facts = self.demo.facts["email"]
        with smtplib.SMTP(facts["smtp_host"], facts["smtp_port"], timeout=20) as server:
            server.send_message(mail)
        return str(mail["Message-ID"])

    def got(self) -> list[dict[str, str]]:
        return [mail for mail in self.demo.texts(self.address, "outbound") if mail["channel"] == "email"]

    def ask(self, text: str, subject: str = "", answers: str = "") -> dict[str, str]:
        """What comes back."""
        known = len(self.got())
        self.write(text, subject, answers)
        return wait_for(lambda: self.got()[known:], 60, f"an answer to {text!r}")[0]

    def switch(self, **values: Any) -> None:
        httpx.post(f"{self.demo.facts['standin']['url']}/mail/settings", json=values, timeout=20).raise_for_status()


def options_of(mail: dict[str, str]) -> list[str]:
    return re.findall(r"^\d\. (.+)$", mail["body"], re.M)


def folio_in(mail: dict[str, str]) -> str:
    found = FOLIO.search(mail["body"])
    assert found, mail["body"]
    return "".join(found.groups())


def state(demo: RunningDemo, sent: dict[str, str]) -> tuple[str, str | None] | None:
    """What we know of a mail of ours, by the id it carries."""
    with psycopg.connect(demo.facts["database_url"]) as connection:
        found = connection.execute("SELECT status, error_code FROM message WHERE id = %s", [sent["sid"][1:37]])
        return found.fetchone()


def test_a_whole_report_in_one_mail(demo: RunningDemo) -> None:
    rosa = Resident(demo, "rosa@correo.example")
    place = demo.facts["open311"]["sample_address"]
    answer = rosa.ask("Sale mucha agua desde anoche.\n\nSaludos,\nRosa Díaz\n", subject=f"Fuga de agua en {place}")
    while "mismo" in answer["body"]:
        answer = rosa.ask("2", subject=answer["subject"], answers=answer["sid"])
    assert answer["subject"] == f"Re: Fuga de agua en {place}"
    assert answer["from"] == demo.facts["email"]["address"]
    assert "agua" in open311(demo, folio_in(answer))["service_name"].lower()
    assert "Saludos" not in open311(demo, folio_in(answer))["description"]


def test_a_report_in_a_thread_with_questions(demo: RunningDemo) -> None:
    luis = Resident(demo, "luis@correo.example")
    asked = luis.ask("hay un bache enorme", subject="ayuda por favor")
    assert "¿Dónde" in asked["body"]
    reply = "En Av. Sabinos y Morelos\n\nEl jue, 19 nov 2026 a las 13:00, 311 escribió:\n> ¿Dónde es?\n> 1. otra cosa\n"
    asked = luis.ask(reply, subject=asked["subject"], answers=asked["sid"])
    for _ in range(3):
        if not options_of(asked):
            break
        wanted = 2 if "mismo" in asked["body"] else 1
        asked = luis.ask(f"{wanted}\n\n--\nLuis\n", subject=asked["subject"], answers=asked["sid"])
    assert asked["subject"] == "Re: ayuda por favor"
    assert open311(demo, folio_in(asked))["status"] == "open"


def test_a_photo_in_a_mail_is_a_photo_of_the_request(demo: RunningDemo) -> None:
    ana = Resident(demo, "ana@correo.example")
    place = demo.facts["open311"]["sample_address"]
    ana.write(f"Hay una fuga de agua en {place}", subject="foto", photo=jpeg((900, 700)))
    answer = wait_for(ana.got, 60, "an answer")[0]
    while "mismo" in answer["body"]:
        answer = ana.ask("2", subject=answer["subject"], answers=answer["sid"])
    folio = folio_in(answer)
    url = wait_for(lambda: open311(demo, folio).get("media_url"), 60, "the photo")
    assert httpx.get(url, timeout=20).headers["content-type"] == "image/jpeg"


def test_the_place_in_a_photo_is_the_reports_once_its_sender_says_so(demo: RunningDemo) -> None:
    olga = Resident(demo, "olga@correo.example")
    point = demo.facts["open311"]["sample_point"]
    photo = taken_at(point["lon"], point["lat"], size=(900, 700))
    olga.write("hay un bache enorme", subject="ayuda por favor", photo=photo)
    offered = wait_for(lambda: [mail for mail in olga.got() if "responde FOTO" in mail["body"]], 60, "the offer")[0]
    asked = olga.ask("Foto\n\n--\nOlga\n", subject=offered["subject"], answers=offered["sid"])
    for _ in range(3):
        if not options_of(asked):
            break
        wanted = 2 if "mismo" in asked["body"] else 1
        asked = olga.ask(str(wanted), subject=asked["subject"], answers=asked["sid"])
    made = open311(demo, folio_in(asked))
    assert (made["long"], made["lat"]) == pytest.approx((point["lon"], point["lat"]), abs=1e-4)


def test_a_mail_to_the_other_citys_address_is_that_citys(demo: RunningDemo) -> None:
    luz = Resident(demo, "luz@correo.example")
    luz.write("hola", to="311@encinos.gob.example")
    answer = wait_for(luz.got, 60, "an answer")[0]
    assert "Encinos" in answer["body"]
    assert answer["from"] == "311@encinos.gob.example"


def test_an_opt_out_by_the_header_of_a_notice(demo: RunningDemo) -> None:
    """`List-Unsubscribe` opens an empty mail with BAJA for its subject."""
    beto = Resident(demo, "beto@correo.example")
    assert "ya no te mandamos avisos" in beto.ask("", subject="BAJA")["body"]


def test_a_mail_that_was_taken_without_a_word_is_sent_once(demo: RunningDemo) -> None:
    """The server hangs up after taking it: the copy it keeps settles the doubt."""
    ines = Resident(demo, "ines@correo.example")
    ines.switch(outage="drop")
    try:
        sent = ines.ask("hola")
        assert state(demo, sent) in [("sending", None), ("uncertain", "no_answer")]
        wait_for(lambda: state(demo, sent) == ("sent", None), 100, "the doubt to be settled")
        assert len(ines.got()) == 1
    finally:
        ines.switch(outage="none")


def test_a_bounce_is_told_to_whoever_asks(demo: RunningDemo) -> None:
    nobody = Resident(demo, "noexiste@correo.example")
    sent = nobody.ask("hay un bache en Av. Sabinos 214")
    assert sent["status"] == "undelivered"
    wait_for(lambda: state(demo, sent) == ("undelivered", "no_such_address"), 60, "the bounce")


@pytest.mark.parametrize(("manners", "most"), [("polite", 1), ("rude", 2)])
def test_two_programs_stop_after_one_exchange(demo: RunningDemo, manners: str, most: int) -> None:
    """The first answer is to the resident's own words; a program that hides what it is gets one more."""
    absent = Resident(demo, f"{manners}@correo.example")
    absent.switch(auto_reply=manners)
    try:
        absent.write("hola")
        wait_for(lambda: len(absent.got()) == most, 60, "the answers")
        # A mail to somebody else afterwards has been answered: nothing was left to say here.
        later = Resident(demo, f"after-{manners}@vecinas.example")
        absent.switch(auto_reply="none")
        later.ask("hola")
        assert len(absent.got()) == most
    finally:
        absent.switch(auto_reply="none")
