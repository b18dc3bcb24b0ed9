"""Wake: browsers that asked for it are told of new mail while the page is closed.

Reads `mailbox.changes`; writes one `PushDue` for each subscription of a user to whom an unread mail
came, in the inbox or a folder of their own. Who has a page open, as far as this process knows,
is told by it already. Sending is `push`'s work.
"""

from collections.abc import Sequence

from topologies.events import (
    DRAFTS,
    QUARANTINE_USER,
    SENT,
    SPAM,
    TRASH,
    Event,
    MailboxChanged,
    PushDue,
)
from topologies.ports.notices import Notices
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.stage import stage

QUIET_FOLDERS = frozenset({DRAFTS, SENT, SPAM, TRASH})


@stage(reads=[MailboxChanged], writes=[PushDue])
async def wake(
    change: MailboxChanged, *, subscriptions: PushSubscriptions, notices: Notices
) -> Sequence[Event]:
    """Return whom to tell of *change*."""
    if change.kind != "email.added" or change.is_read or change.folder_id in QUIET_FOLDERS:
        return []
    if change.user_id == QUARANTINE_USER or notices.is_listening(change.user_id):
        return []
    return [
        PushDue(
            subscription_id=each.subscription_id,
            user_id=each.user_id,
            email_id=change.email_id,
            folder_id=change.folder_id,
            thread_id=change.thread_id,
            seq=change.seq,
            made_at=change.changed_at,
        )
        for each in await subscriptions.told(change.user_id)
    ]
