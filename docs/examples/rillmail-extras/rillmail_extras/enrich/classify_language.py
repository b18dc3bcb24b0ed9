"""Classify language: tell in which language a mail is written.

Reads `mailbox.commands`; writes `mail.languages`. What is in quarantine has no reader, and is left
out. Of a mail in several languages the one with most words counts.
"""

from collections.abc import Sequence

from rillmail_extras.events import LanguageFound
from rillmail_extras.languages import language_of
from topologies.events import QUARANTINE_USER, Deliver, Event
from topologies.stage import stage


@stage(reads=Deliver, writes=[LanguageFound])
async def classify_language(delivery: Deliver) -> Sequence[Event]:
    """Return in which language the mail is written."""
    if delivery.user_id == QUARANTINE_USER:
        return []
    message = delivery.message
    return [
        LanguageFound(
            user_id=delivery.user_id,
            email_id=delivery.email_id,
            mail_id=delivery.mail_id,
            language=language_of(f"{message.subject}\n{message.text}"),
        )
    ]
