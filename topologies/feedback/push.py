"""Push: bring a notice to the push service of a browser (RFC 8030), encrypted for the browser.

Reads `push.due`; writes to `push.later.1m` what was not taken, a few times, since the next mail
brings a newer notice anyway. Ids and the number of unread mails are told, never content. A
subscription that its push service says is gone is forgotten. A crash between the answer and the
acknowledgement tells it twice, and the browser shows one notice in place of the other.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from topologies.events import INBOX, Event, PushDue, PushLater1m
from topologies.events.base import as_kind
from topologies.mail import push_messages as messages
from topologies.ports.clock import Clock
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.messenger import Messenger, NotNow
from topologies.ports.policy import PushPolicy
from topologies.ports.push_key import PushKey
from topologies.ports.push_subscriptions import PushSubscription, PushSubscriptions
from topologies.stage import stage

MOST_ATTEMPTS = 10
GONE = (404, 410)  # RFC 8030 §7.3: the subscription is expired
AGAIN = (0, 429)  # no answer; RFC 8030 §8.4: too many


@stage(
    reads=PushDue,
    writes=[PushLater1m],
    timeout=timedelta(hours=1),  # others may be before it
)
async def push(
    due: PushDue,
    *,
    subscriptions: PushSubscriptions,
    key: PushKey,
    mailboxes: Mailboxes,
    messenger: Messenger,
    policy: PushPolicy,
    clock: Clock,
) -> Sequence[Event]:
    """Return the notice for later, if it is to be brought again."""
    if clock.now() >= due.made_at + messages.KEPT_FOR:
        return []
    found = {each.subscription_id: each for each in await subscriptions.of(due.user_id)}
    subscription = found.get(due.subscription_id)
    if subscription is None:
        return []
    lines = await mailboxes.summaries(due.user_id, [due.email_id])
    if not lines or lines[0].is_read or lines[0].folder_id != due.folder_id:
        return []  # its reader was faster, and would see come back what they have deleted
    body = messages.encrypted(
        await _told(due, mailboxes), subscription.public_key, subscription.auth
    )
    async with messenger.turn(f"{due.subscription_id} {due.seq}"):
        status = await _sent(subscription, body, await key.get(), messenger, policy, clock)
    if status in GONE:
        await subscriptions.remove(due.user_id, due.subscription_id)
    is_again = status in AGAIN or status >= 500
    if not is_again or due.attempt >= MOST_ATTEMPTS:
        return []
    return [as_kind(due, PushLater1m, attempt=due.attempt + 1)]


async def _told(due: PushDue, mailboxes: Mailboxes) -> bytes:
    folders = {each.folder_id: each for each in await mailboxes.folders(due.user_id)}
    return msgspec.json.encode(
        {
            "type": "email.added",
            "email_id": due.email_id,
            "folder_id": due.folder_id,
            "thread_id": due.thread_id,
            "cursor": due.seq,
            "unread_count": folders[INBOX].unread_count,
        }
    )


async def _sent(
    subscription: PushSubscription,
    body: bytes,
    secret: bytes,
    messenger: Messenger,
    policy: PushPolicy,
    clock: Clock,
) -> int:
    """Return the status that the push service answers with; 0: none, or it was not its turn."""
    endpoint = subscription.endpoint
    above = messages.headers(endpoint, messages.key_of(secret), policy.contact, clock.now())
    reply = await messenger.post(subscription.subscription_id, endpoint, above, body)
    return 0 if isinstance(reply, NotNow) else reply.status
