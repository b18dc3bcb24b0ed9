"""A mail that is put off: where it lies meanwhile, and what brings it back. Pure.

It comes back as a new mail: under another id, whose time is that moment, so that it stands on top
of the inbox, unread, and whoever listens is told as of any that arrives. The old one goes in the
same step.
"""

from collections.abc import Sequence
from datetime import timedelta

from topologies.events import INBOX, Command, Deliver, LabelEmails
from topologies.events.snooze import (
    SNOOZE_WAITS,
    SnoozeDue,
    SnoozeLater1m,
    SnoozeLater4h,
    SnoozeLater30m,
)
from topologies.mail import ids
from topologies.ports.mailboxes import Email, Folder
from topologies.ports.snoozes import Snooze

SNOOZED = "snoozed"  # the id of the folder, which is made when it is needed first
NAMES = ("Snoozed", "Snoozed mails", "Put off")  # the first that no other folder has
LONGEST = timedelta(days=366)
MOVED_WITHIN, MOVED_SOON_WITHIN = timedelta(hours=1), timedelta(minutes=5)  # if all is slow


def name_for(folders: Sequence[Folder]) -> str | None:
    """Return what the folder is to be called; None if it is there."""
    if any(each.folder_id == SNOOZED and not each.is_deleting for each in folders):
        return None
    taken = {each.name.casefold() for each in folders}
    return next((name for name in NAMES if name.casefold() not in taken), NAMES[-1])


def wait_of(left: timedelta) -> type[SnoozeDue] | None:
    """Return as what a wish waits on that has *left* to go; None: its time has come."""
    if left <= timedelta():
        return None
    wait = max((each for each in SNOOZE_WAITS if each <= left), default=min(SNOOZE_WAITS))
    return SNOOZE_WAITS[wait]


def wait_for_move(late: timedelta) -> type[SnoozeDue] | None:
    """Return as what a wish waits whose mail lies elsewhere; None: its reader wants it there.

    The mail may be on its way out of the inbox still. *late* is how long ago its time came.
    """
    return wait_late(late) if late < MOVED_WITHIN else None


def wait_late(late: timedelta) -> type[SnoozeDue]:
    """Return as what a wish waits whose mail is not where it is to be; *late* as above."""
    if late >= MOVED_WITHIN:
        return SnoozeLater4h
    return SnoozeLater1m if late < MOVED_SOON_WITHIN else SnoozeLater30m


def id_when_back(kept: Snooze) -> str:
    """Return the id that the mail of a wish has when it comes back."""
    return ids.derived_id(kept.until, "bring-back", kept.snooze_id, kept.email_id)


def brought_back(email: Email, kept: Snooze) -> Sequence[Command]:
    """Return what puts *email*, of which *kept* is the wish, on top of the inbox."""
    summary, wish = email.summary, (kept.snooze_id, kept.email_id)
    fresh_id = id_when_back(kept)
    delivered = Deliver(
        user_id=kept.user_id,
        command_id=ids.command_id("bring-back", *wish),
        issued_at=kept.until,
        email_id=fresh_id,
        mail_id=email.mail_id,
        folder_id=INBOX,
        message=email.message,
        raw_ref=email.raw_ref,
        received_at=summary.created_at,
        mail_from=email.mail_from,
        recipient=email.recipient,
        tag=email.tag,
        authentication=email.authentication,
        spam=email.spam,
        is_starred=summary.is_starred,
        note=email.note,
        virus=email.virus,
        held=email.held,
        draft_id=kept.email_id,  # what goes when this is there
        only_from=SNOOZED,  # who deletes or moves it in this instant has it there
    )
    if not summary.labels:
        return [delivered]
    labelled = LabelEmails(
        user_id=kept.user_id,
        command_id=ids.command_id("bring-back labels", *wish),
        issued_at=kept.until,
        email_ids=(fresh_id,),
        added=summary.labels,
    )
    return [delivered, labelled]
