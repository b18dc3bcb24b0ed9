"""Post: bring a message to a webhook once, and plan the next try if it was not taken.

Reads `webhook.due`; writes to `webhook.later.*` what is to be tried again. What the webhook
answered is noted before anything is written, so that an event handed in twice is posted once:
only a crash between its answer and that moment posts it again, with the same `webhook-id`. A
webhook that is gone, or fails for days, is told nothing more until its owner says otherwise; what
waits for it then is dropped.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from topologies.errors import Retryable
from topologies.events import Event
from topologies.events.base import as_kind
from topologies.events.webhook import (
    WEBHOOK_WAITS,
    WebhookDue,
    WebhookLater2h,
    WebhookLater5m,
    WebhookLater5s,
    WebhookLater6h,
    WebhookLater30m,
)
from topologies.mail import standard_webhooks
from topologies.mail import webhook_rules as rules
from topologies.ports.clock import Clock
from topologies.ports.messenger import Messenger, NotNow, Reply
from topologies.ports.webhooks import TEST, Webhook, WebhookAttempt, Webhooks
from topologies.stage import stage

NOTE_AGAIN_S = 1.0


@stage(
    reads=WebhookDue,
    writes=[WebhookLater5s, WebhookLater5m, WebhookLater30m, WebhookLater2h, WebhookLater6h],
    timeout=timedelta(hours=1),  # others may be before it, and then a store away
)
async def post(
    due: WebhookDue, *, webhooks: Webhooks, messenger: Messenger, clock: Clock
) -> Sequence[Event]:
    """Return the message for later, if it is to be posted again."""
    async with messenger.turn(due.message_id):
        attempt = await webhooks.attempt(due.message_id, due.attempt)
        if attempt is None:
            webhook = await webhooks.find(due.owner, due.webhook_id)
            if webhook is None or not (webhook.is_enabled or due.type == TEST):
                return []
            now = clock.now()
            reply = await _posted(due, webhook, messenger, now)
            if isinstance(reply, NotNow):
                if (later := _put_off(due, reply, clock.now())) is not None:
                    return [later]
                reply = Reply(status=0, text=f"it was never its turn: {reply.reason}")
            attempt = _attempt(due, reply, now)
            await _note(webhooks, webhook, attempt)
        if not attempt.is_success:
            await _disable(due, webhooks, attempt)
        return _again(due, attempt)


async def _posted(
    due: WebhookDue, webhook: Webhook, messenger: Messenger, now: datetime
) -> Reply | NotNow:
    body = due.body.encode()
    signing = [each.text for each in webhook.secrets if each.until is None or now < each.until]
    signed = standard_webhooks.headers(due.message_id, now, body, signing)
    return await messenger.post(webhook.webhook_id, webhook.url, signed, body)


def _attempt(due: WebhookDue, reply: Reply, now: datetime) -> WebhookAttempt:
    wait = None
    if not 200 <= reply.status < 300 and reply.status != rules.GONE and due.type != TEST:
        wait = rules.next_wait(
            due.attempt, made_at=due.made_at, attempted_at=now, asked_s=reply.after_s
        )
    return WebhookAttempt(
        webhook_id=due.webhook_id,
        message_id=due.message_id,
        type=due.type,
        attempt=due.attempt,
        attempted_at=now,
        status=reply.status,
        text=reply.text,
        took_ms=reply.took_ms,
        next_try_at=now + wait if wait is not None else None,
    )


async def _note(webhooks: Webhooks, webhook: Webhook, attempt: WebhookAttempt) -> None:
    """Keep what was answered, however long that takes: else it would be posted again."""
    while True:
        try:
            return await webhooks.note(webhook, attempt)
        except Retryable as error:
            await asyncio.sleep(error.after_s or NOTE_AGAIN_S)


async def _disable(due: WebhookDue, webhooks: Webhooks, attempt: WebhookAttempt) -> None:
    """Let the webhook be, if that was one failure too many."""
    webhook = await webhooks.find(due.owner, due.webhook_id)
    if webhook is not None and (why := rules.why_disabled(webhook, attempt)):
        await webhooks.disable(due.owner, due.webhook_id, attempt.attempted_at, why)


def _again(due: WebhookDue, attempt: WebhookAttempt) -> Sequence[Event]:
    if attempt.next_try_at is None:
        return []
    kind = WEBHOOK_WAITS[attempt.next_try_at - attempt.attempted_at]
    return [as_kind(due, kind, attempt=due.attempt + 1, put_off=0)]


def _put_off(due: WebhookDue, why: NotNow, now: datetime) -> Event | None:
    """Return the message for later, which counts as no attempt; None: it has waited too long."""
    if due.type == TEST or now > due.made_at + rules.GIVE_UP_AFTER:
        return None
    wait = rules.wait_put_off(why.for_s, due.put_off)
    return as_kind(due, WEBHOOK_WAITS[wait], put_off=due.put_off + 1)
