"""Why a message was not delivered: our words for it, the same for every channel, and what an operator reads."""

from kernel.i18n import translate

REASONS = {
    "account_gone": "Esa cuenta o ese chat ya no existe.",
    "blocked_region": "No se envían mensajes a ese país.",
    "carrier_rejected": "La compañía telefónica lo rechazó.",
    "code_over": "El código ya no servía.",
    "credentials": "El proveedor no reconoce la cuenta de esta instalación.",
    "empty": "El mensaje estaba vacío.",
    "expired": "No se pudo entregar en 4 horas.",
    "mail_refused": "El servidor de correo de la persona lo rechazó.",
    "mail_server_silent": "El servidor de correo de la persona no contesta.",
    "mailbox_full": "El buzón de la persona está lleno.",
    "mailbox_refuses": "El buzón de la persona ya no recibe correo.",
    "line_unreachable": "El teléfono está apagado o sin señal.",
    "message_filtered": "La compañía telefónica lo tomó por publicidad.",
    "never_wrote": "La persona no ha escrito primero; la red no deja empezar.",
    "no_answer": "El proveedor no contestó.",
    "no_news": "Ya no era noticia.",
    "no_such_address": "Esa dirección de correo no existe.",
    "no_such_domain": "Nadie recibe correo en ese dominio.",
    "not_a_mail_address": "A esa dirección no se le puede escribir.",
    "not_a_mobile": "Ese número no recibe mensajes de texto.",
    "not_a_number": "Ese número no existe.",
    "not_on_channel": "Esa persona no recibe mensajes por este medio.",
    "opted_out": "La persona pidió al proveedor no recibir mensajes.",
    "provider_down": "El proveedor no está disponible.",
    "rate_limited": "El proveedor pidió ir más despacio.",
    "sender_refused": "El proveedor no acepta nuestro número.",
    "taken_for_spam": "El servidor de correo lo tomó por correo basura.",
    "template_refused": "WhatsApp no aceptó la plantilla.",
    "too_long": "El mensaje es demasiado largo.",
    "unknown": "El proveedor no dijo por qué.",
    "window_closed": "Pasaron 24 horas desde su último mensaje: WhatsApp solo acepta plantillas aprobadas.",
    "withdrawn": "La persona pidió no recibir avisos.",
}
_VENDOR = "vendor_"


def of_vendor_code(code: str) -> str:
    """The reason for a vendor's code that is in none of our tables."""
    return f"{_VENDOR}{code}"


def in_words(reason: str, language: str) -> str:
    """`reason` as a sentence."""
    if reason.startswith(_VENDOR):
        code = reason.removeprefix(_VENDOR)
        return translate(language, "El proveedor contestó con el código {code}.", code=code)
    return translate(language, REASONS.get(reason, REASONS["unknown"]))
