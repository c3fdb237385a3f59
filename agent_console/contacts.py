"""How a resident is named on every page: by a phone or an e-mail that nobody can write to."""

from agent_console.presentation import masked_email, masked_phone
from intake.people import actions as people
from intake.people.addresses import read_whatsapp
from intake.people.models import ContactPoint


def masked(contact: ContactPoint) -> str:
    """The contact's address, masked."""
    address = people.address_of(contact)
    if contact.kind == "web_chat":  # nobody's name or number: enough of it to tell two visitors apart
        return f"Chat {address[:4]}"
    if contact.kind == "telegram":  # an account's number, which is no telephone's
        return f"Telegram {address[-4:]}"
    if contact.kind == "whatsapp" and read_whatsapp(address).phone is None:  # an id of somebody who hides their number
        return f"WhatsApp {address[-4:]}"
    # A machine that writes mail is known by its address too.
    return masked_email(address) if "@" in address else masked_phone(address)


def masked_beside(contact: ContactPoint, channel: str) -> str:
    """As `masked`, where the channel's word stands before it already."""
    return masked(contact).removeprefix(f"{channel} ")
