"""Which mails no person wrote. They are kept, and never answered: two programs that thank each other do it for ever.

Sources: RFC 3834 (automatic responses), RFC 5230 §4.6 (which mails a holiday notice must not answer), and what mail programs do.
"""

import re
from email.message import Message

from channels.email import headers

_LOCAL_PARTS = re.compile(
    r"(?:mailer-?daemon|postmaster|hostmaster|abuse|bounces?|no-?_?reply|no-?responder?|do-?not-?reply|noreply.*|donotreply.*"
    r"|auto-?reply|autoresponder|notifications?|listserv|majordomo|root|daemon|www-data|.*[-+]bounces?|bounces?[-+=].*|owner-.*"
    r"|.*-(?:request|owner)|prvs=.*|btv1==.*|srs[01]=.*)",
    re.I,
)
_SUBJECTS = re.compile(
    r"^\W*(?:respuesta autom[aá]tica|auto(?:matic|mated)?[ -]?(?:reply|response|respuesta)|auto: |out of (?:the )?office"
    r"|fuera de (?:la )?oficina|delivery status notification|undeliver|mail delivery (?:failed|subsystem)|returned mail"
    r"|failure notice|no se pudo entregar|correo no entregado|read: |le[ií]do: )",
    re.I,
)
_PRECEDENCE = ("bulk", "list", "junk", "auto_reply", "auto-reply")
_ROBOTS = (
    *("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply", "x-mail-autoreply", "x-facebook-notify"),
    *("list-id", "list-unsubscribe", "list-post", "list-help", "feedback-id", "x-failed-recipients", "x-loop"),
)


# What holiday programs write that do not say what they are. Only answers to us are looked at: people report from holidays too.
_WORDS = re.compile(
    r"\b(?:estoy|estar[eé]|me encuentro) (?:de vacaciones|fuera de (?:la|mi) oficina|ausente)\b|\bout of (?:the )?office\b"
    r"|\b(?:respuesta|mensaje|correo) autom[aá]tic[oa]\b|\bautomat(?:ic|ed) (?:reply|response|message|e-?mail)\b"
    r"|\bno (?:responda|conteste) (?:a )?este (?:correo|mensaje)\b|\bdo not reply to this\b"
    r"|\bi am on (?:vacation|holiday|leave)\b",
    re.I,
)
_LOOKED_AT = 500


def sounds_automatic(text: str) -> bool:
    """Whether an answer to a mail of ours reads like a holiday notice."""
    return bool(_WORDS.search(text[:_LOOKED_AT]))


def why_automatic(mail: Message, sender: str) -> str | None:
    """Why nobody sits behind this mail, in a word for the log; None when a person may."""
    submitted = headers.words(mail, "auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return "auto-submitted"
    if headers.words(mail, "precedence").lower() in _PRECEDENCE:
        return "precedence"
    for name in _ROBOTS:
        if mail.get(name) is not None:
            return name
    if mail.get("return-path") is not None and headers.words(mail, "return-path").replace(" ", "") in ("<>", ""):
        return "return-path"
    if mail.get_content_type() == "multipart/report":
        return "report"
    if _LOCAL_PARTS.fullmatch(sender.rpartition("@")[0]):
        return "sender"
    if _SUBJECTS.match(headers.words(mail, "subject")):
        return "subject"
    return None
