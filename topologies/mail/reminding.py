"""A mail that was sent, of which its sender is reminded if nobody has answered by a certain time.

The wish is kept, waits and is looked at as one for a mail that is put off. At its time a copy of
the mail stands on top of the inbox, unread, in the same conversation, and its note tells why. What
was sent stays where it lies, with what is told of its delivery; whoever is done with the reminder
deletes the copy.

An answer is a later mail of the conversation that came from somebody else. Bounces and what
machines answer are none (RFC 3834), nor is what lies in spam.
"""

from topologies.events import DRAFTS, INBOX, SENT, SPAM, Deliver
from topologies.mail import ids
from topologies.ports.mailboxes import Email, Mailboxes, Summary
from topologies.ports.snoozes import Snooze

NOTE = "nobody has answered this yet, and you wanted to be reminded"
_NO_ANSWERS_IN = (SENT, DRAFTS, SPAM)


async def is_answered(mailboxes: Mailboxes, user_id: str, sent: Summary) -> bool:
    """Return whether somebody has answered the mail *sent* since.

    Raises:
        Retryable: The store is out of reach.
    """
    for line in await mailboxes.thread(user_id, sent.thread_id):
        if not _is_later_and_of_another(line, sent):
            continue
        email = await mailboxes.email(user_id, line.email_id)
        if email is not None and _is_of_a_person(email):
            return True
    return False


def reminder(email: Email, kept: Snooze) -> Deliver:
    """Return what puts a copy of *email*, of which *kept* is the wish, on top of the inbox."""
    wish = kept.snooze_id, kept.email_id
    return Deliver(
        user_id=kept.user_id,
        command_id=ids.command_id("remind", *wish),
        issued_at=kept.until,
        email_id=ids.derived_id(kept.until, "remind", *wish),
        mail_id=email.mail_id,
        folder_id=INBOX,
        message=email.message,
        raw_ref=email.raw_ref,
        received_at=email.summary.created_at,
        mail_from=email.mail_from,
        note=NOTE,
    )


def _is_later_and_of_another(line: Summary, sent: Summary) -> bool:
    return (
        line.created_at > sent.created_at
        and line.folder_id not in _NO_ANSWERS_IN
        and line.from_address.casefold() != sent.from_address.casefold()
    )


def _is_of_a_person(email: Email) -> bool:
    is_received = bool(email.recipient)  # what the user sent has none, wherever it was filed
    return is_received and bool(email.mail_from) and email.message.auto_submitted in ("", "no")
