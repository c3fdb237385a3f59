"""Mails as people's programs write them, and the installation they are written to."""

from email.message import EmailMessage
from email.utils import format_datetime

from channels.email.reading import OurSide
from tests.factories import NOW

CITY_ADDRESS = "311@prueba.gob.example"
OURS = OurSide((CITY_ADDRESS, "atencion@prueba.gob.example"), trusted_host="mx.prueba.gob.example")
ROSA = "rosa.diaz@correo.example"
SENT_ID = "0198c000-0000-7000-8000-000000000001"
OUR_ID = f"<{SENT_ID}@prueba.gob.example>"


def make_mail(
    text: str | None = "Hay un bache en Av. Sabinos 214",
    *,
    sender: str = f"Rosa Díaz <{ROSA}>",
    to: str = CITY_ADDRESS,
    subject: str = "",
    message_id: str | None = "<m1@correo.example>",
    html: str | None = None,
    **headers: str,
) -> EmailMessage:
    """A whole mail with complete defaults. headers: `in_reply_to="<…>"` is In-Reply-To."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Date"] = format_datetime(NOW)
    if subject:
        mail["Subject"] = subject
    if message_id:
        mail["Message-ID"] = message_id
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    if text is not None:
        mail.set_content(text)
    if html is not None:
        if text is None:
            mail.set_content(html, subtype="html")
        else:
            mail.add_alternative(html, subtype="html")
    return mail


def bounce(about: str = OUR_ID, *, action: str = "failed", status: str = "5.1.1", words: str = "user unknown") -> bytes:
    """What a mail server writes back."""
    return f"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@correo.example>
To: {CITY_ADDRESS}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <dsn1@correo.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

This is the mail system at host correo.example.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; correo.example

Final-Recipient: rfc822; {ROSA}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} {words}

--x
Content-Type: message/rfc822

From: 311 <{CITY_ADDRESS}>
To: {ROSA}
Message-ID: {about}
Subject: Folio

Listo
--x--
""".encode()
