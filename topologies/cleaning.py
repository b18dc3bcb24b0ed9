"""Cleaning: what has lain in trash or spam, or deleted, for longer than it is kept.

Reads mailboxes, and writes commands to the log, which the stage `store` applies as it does those
of users. A command says which mails it means, where they lie, and since when at least; so one that
is applied late, twice, or written by two processes deletes nothing that was taken out meanwhile.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta

from topologies.events import DELETED, SPAM, TRASH, DeleteEmails
from topologies.mail import ids
from topologies.mail.listing import pages
from topologies.mail.mailbox_trash import put_there
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.limits import Limits
from topologies.ports.log import EventLog
from topologies.ports.mailboxes import Mailboxes

USERS_AT_ONCE = 200
CLAIMED = timedelta(hours=20)  # by whichever process comes to some users first

Kept = Mapping[str, timedelta]  # how long mails are kept, by folder


def kept(*, trash_days: int, spam_days: int, restorable_days: int) -> Kept:
    """Return how long mails are kept in each folder; 0 days of trash or spam: for ever."""
    days = {TRASH: trash_days, SPAM: spam_days}
    aged = {folder: timedelta(days=count) for folder, count in days.items() if count > 0}
    return aged | {DELETED: timedelta(days=restorable_days)}


async def due(
    user_id: str, mailboxes: Mailboxes, kept: Kept, now: datetime
) -> AsyncGenerator[DeleteEmails]:
    """Yield the commands that delete what a mailbox has kept for its time.

    Raises:
        Retryable: The store is out of reach.
    """
    for folder_id, age in kept.items():
        put_before = now - age
        async with aclosing(pages(mailboxes, user_id, folder_id)) as found:
            async for lines in found:
                old = [line for line in lines if put_there(line) <= put_before]
                if not old:
                    continue
                states = [f"{line.email_id}/{line.changed_seq}" for line in old]
                yield DeleteEmails(
                    user_id=user_id,
                    command_id=ids.command_id("clean", user_id, folder_id, *states),
                    issued_at=now,
                    email_ids=tuple([line.email_id for line in old]),
                    permanent=True,
                    only_in=folder_id,
                    put_before=put_before,
                )


async def clean_all(
    directory: Directory,
    mailboxes: Mailboxes,
    log: EventLog,
    limits: Limits,
    clock: Clock,
    kept: Kept,
) -> int:
    """Write the commands for all users whom no other process has taken today; return how many.

    Raises:
        Retryable: A store is out of reach; done again, it goes on with other users.
    """
    written, after, is_last = 0, "", False
    while not is_last:
        page = await directory.users_page(after=after, limit=USERS_AT_ONCE)
        claim = await limits.hit(f"clean:{after}", 1, CLAIMED.total_seconds())
        for user in page.users if claim.allowed else ():
            async with aclosing(due(user.user_id, mailboxes, kept, clock.now())) as commands:
                async for command in commands:
                    await log.append([command])
                    written += 1
        after, is_last = page.after, not page.after
    return written
