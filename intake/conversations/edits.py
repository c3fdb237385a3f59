"""A person changes what they had written, on networks that let them. All writings are kept; here is decided which is answered.

One that nobody handled yet is taken in the new words, and the old ones are set aside. One that was answered stays as it was
answered, and the new words stand in the thread for people to read. Networks tell these things in any order.
"""

from sqlmodel import Session

from intake.conversations.models import Message
from kernel.rows import load

# As it was first written, and as it was changed to.
_WRITINGS = "WHERE conversation_id = $1 AND direction = 'inbound' AND (provider_message_id = $2 OR edits = $2)"


def settle(session: Session, message: Message) -> bool:
    """Sets `message`, a correction, aside, or what it takes the place of. Called while its thread is held, before it is stored.

    False when it is not worth storing: a place that goes on being shared after it was answered would fill the thread.
    """
    earlier = load(session, Message, _WRITINGS, [message.conversation_id, message.edits])
    if earlier and all(one.status == "handled" for one in earlier):
        message.status = "handled"
        return message.lon is None or bool(message.body)
    for one in earlier:
        one.status = "handled"
    return True
