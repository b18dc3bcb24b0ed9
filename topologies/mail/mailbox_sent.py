"""What a command puts among the mails that a user sent. Pure."""

from collections.abc import Sequence

from topologies.events.mailbox import SENT, CommandAnswered, MailboxChanged, SentMailKept


def sent(events: Sequence[MailboxChanged | CommandAnswered]) -> Sequence[SentMailKept]:
    """Return what a command puts there that led to *events*."""
    return [
        SentMailKept(
            user_id=event.user_id,
            email_id=event.email_id,
            seq=event.seq,
            kept_at=event.changed_at,
        )
        for event in events
        if isinstance(event, MailboxChanged)
        and event.kind == "email.added"
        and event.folder_id == SENT
    ]
