"""Bring back: a mail that was put off is on top of the inbox when its time has come.

Reads `snooze.due`; writes to `snooze.later.*` what has to wait on, or the commands that put the
mail on top of the inbox, unread (`mailbox.commands`). A wish that was taken back is let be; so is
a mail that its reader has moved or deleted meanwhile. But what is put away although its wish is
gone comes back: it was taken back in the moment in which it was put off elsewhere. It comes back
at most a few seconds late. So does what was sent and has no answer by then, as a copy: what was
sent stays where it lies. The ids of what is written are derived from the wish, so that a replay,
or an older wish for the same mail, brings nothing back twice.
"""

from collections.abc import Sequence
from datetime import timedelta

from topologies.events import INBOX, TRASH, Deliver, Event, LabelEmails
from topologies.events.base import as_kind
from topologies.events.snooze import (
    SnoozeDue,
    SnoozeLater1m,
    SnoozeLater4h,
    SnoozeLater5s,
    SnoozeLater30m,
)
from topologies.mail import ids, reminding, snoozing
from topologies.ports.clock import Clock
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.snoozes import Snooze, Snoozes
from topologies.stage import stage


@stage(
    reads=SnoozeDue,
    writes=[SnoozeLater5s, SnoozeLater1m, SnoozeLater30m, SnoozeLater4h, Deliver, LabelEmails],
)
async def bring_back(
    due: SnoozeDue, *, clock: Clock, snoozes: Snoozes, mailboxes: Mailboxes
) -> Sequence[Event]:
    """Return what brings the mail back, or the wish as it waits on."""
    now = clock.now()
    if (later := snoozing.wait_of(due.until - now)) is not None:
        return [as_kind(due, later)]
    kept = await snoozes.find(due.user_id, due.email_id)
    if kept is None:
        return await _left_behind(due, mailboxes)
    # What is kept counts: it may have been put off again, and nothing else have been written.
    if (later := snoozing.wait_of(kept.until - now)) is not None:
        return [as_kind(due, later, until=kept.until)]
    if kept.is_reminder:
        return await _reminded(due, kept, mailboxes, late=now - kept.until)
    email = await mailboxes.email(due.user_id, due.email_id)
    if email is None:
        return []
    if email.summary.folder_id != snoozing.SNOOZED:
        late = snoozing.wait_for_move(now - kept.until)
        return [as_kind(due, late)] if late is not None else []
    return snoozing.brought_back(email, kept)


async def _left_behind(due: SnoozeDue, mailboxes: Mailboxes) -> Sequence[Event]:
    """Return what brings back a mail that is put away and that nothing else would bring back."""
    email = await mailboxes.email(due.user_id, due.email_id)
    if email is None or email.summary.folder_id != snoozing.SNOOZED:
        return []
    wish = Snooze(
        user_id=due.user_id,
        email_id=due.email_id,
        snooze_id=ids.command_id("left behind", due.email_id, due.until.isoformat()),
        until=due.until,
        folder_id=INBOX,
    )
    return snoozing.brought_back(email, wish)


async def _reminded(
    due: SnoozeDue, kept: Snooze, mailboxes: Mailboxes, *, late: timedelta
) -> Sequence[Event]:
    """Return what reminds of a mail, unless somebody has answered it or it is in the trash."""
    email = await mailboxes.email(due.user_id, due.email_id)
    if email is None:  # gone, or on its way into the mailbox still; it ends with what is kept
        return [as_kind(due, snoozing.wait_late(late))]
    sent = email.summary
    if sent.folder_id == TRASH or await reminding.is_answered(mailboxes, due.user_id, sent):
        return []
    return [reminding.reminder(email, kept)]
