"""What users say of spam: a mail moved into the spam folder, or out of it to be kept. Pure."""

from collections.abc import Sequence

from topologies.events.mailbox import (
    SPAM,
    TRASH,
    CommandAnswered,
    MailboxChanged,
    SpamReported,
)


def reports(events: Sequence[MailboxChanged | CommandAnswered]) -> Sequence[SpamReported]:
    """Return what a command says of spam that led to *events*."""
    return [
        SpamReported(
            user_id=event.user_id,
            email_id=event.email_id,
            seq=event.seq,
            reported_at=event.changed_at,
            is_spam=is_spam,
        )
        for event in events
        if isinstance(event, MailboxChanged) and (is_spam := _said(event)) is not None
    ]


def _said(change: MailboxChanged) -> bool | None:
    """Return whether *change* reports spam (True), or that it is none (False); None for neither."""
    if change.kind != "email.moved" or change.folder_id == change.from_folder_id:
        return None
    if change.is_rewritten:  # a draft was saved: that says nothing of spam
        return None
    if change.folder_id == SPAM:
        return True
    return False if change.from_folder_id == SPAM and change.folder_id != TRASH else None
