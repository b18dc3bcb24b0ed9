"""Reminders of mail that was sent: what is kept of each, and what looks at it at its time."""

from datetime import UTC, datetime

from api.endpoint import Call
from api.problems import Problem
from topologies.events import DELETED, SENT, TRASH, SnoozeDue
from topologies.mail import snoozing
from topologies.ports.mailboxes import Summary
from topologies.ports.snoozes import MOST_SNOOZED, Snooze


async def pending(call: Call, sent: Summary) -> Snooze | None:
    """Return the reminder of a mail that its user waits for; None: there is none, or not any more.

    Raises:
        Retryable: The store is out of reach.
    """
    kept = await call.context.snoozes.find(call.user_id, sent.email_id)
    return kept if kept is not None and is_pending(call, kept, sent) else None


def is_pending(call: Call, kept: Snooze, sent: Summary) -> bool:
    """Return whether *kept*, a wish for the mail *sent*, is a reminder that is still to come."""
    is_thrown_away = sent.folder_id in (TRASH, DELETED)
    return kept.is_reminder and kept.until > call.context.clock.now() and not is_thrown_away


def why_not_at(remind_at: datetime, now: datetime, sent_at: datetime) -> str:
    """Return why nobody can be reminded then of a mail that goes out at *sent_at*; empty if so."""
    if max(now, sent_at) < remind_at <= now + snoozing.LONGEST:
        return ""
    return f"it lies after the mail is sent, and within {snoozing.LONGEST.days} days"


async def keep(call: Call, email_id: str, remind_at: datetime, reminder_id: str) -> None:
    """Have the user reminded of a mail, in place of what is kept for it; return once durable.

    What looks at it is written first: what is kept alone would show a reminder that never comes.

    Args:
        call: Whose mail.
        email_id: It may be on its way into the mailbox.
        remind_at: With its zone.
        reminder_id: Of this wish. Asked for again under the same one it is the same reminder.

    Raises:
        NoSpace: The disk is full.
        Problem: There are too many.
        Retryable: A store is out of reach.
    """
    wish = Snooze(
        user_id=call.user_id,
        email_id=email_id,
        snooze_id=reminder_id,
        until=remind_at.astimezone(UTC),
        folder_id=SENT,
    )
    due = SnoozeDue(user_id=wish.user_id, email_id=email_id, until=wish.until)
    await call.context.log.append([due])
    try:
        await call.context.snoozes.put(wish)
    except ValueError as error:
        detail = f"at most {MOST_SNOOZED} mails can be put off, or wait for an answer"
        raise Problem(409, detail, kind="too-many-snoozed") from error
    if call.context.clock.now() >= wish.until:  # it may have been looked at before it was kept
        await call.context.log.append([due])


async def forget(call: Call, email_id: str) -> bool:
    """Forget the reminder of a mail; False: there is none.

    Raises:
        Retryable: The store is out of reach.
    """
    snoozes = call.context.snoozes
    kept = await snoozes.find(call.user_id, email_id)
    if kept is None or not kept.is_reminder:
        return False
    return await snoozes.remove(call.user_id, email_id, kept.snooze_id)
