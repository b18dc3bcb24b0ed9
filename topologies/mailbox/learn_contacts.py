"""Learn contacts: whom a user wrote to is proposed when they write again.

Reads `mailbox.sent`; writes no event, and tells ``Contacts``. A mail is learnt from once: what was
learnt names the number of the last change in it, so a replay adds nothing, and brings nobody back
whom the user removed. A mail that is gone by then, or that a rule put there, teaches nothing.
"""

from collections.abc import Sequence

from topologies.events import Event, SentMailKept
from topologies.mail import contact_book
from topologies.ports.contacts import Contacts
from topologies.ports.mailboxes import Mailboxes
from topologies.stage import stage


@stage(reads=SentMailKept, writes=[])
async def learn_contacts(
    kept: SentMailKept, *, mailboxes: Mailboxes, contacts: Contacts
) -> Sequence[Event]:
    """Learn the recipients of what was sent."""
    email = await mailboxes.email(kept.user_id, kept.email_id)
    if email is None or email.recipient:  # which a copy that came to somebody has
        return []
    found = contact_book.written_to(email.message, email.summary.created_at)
    await contacts.learn(kept.user_id, kept.seq, found)
    return []
