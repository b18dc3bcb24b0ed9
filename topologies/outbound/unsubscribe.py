"""Unsubscribe: a sender is told once that a reader wants no more of their mail (RFC 8058).

Reads `unsubscribe.due`; writes to `unsubscribe.later.*` what is to be tried again. What the sender
answered is noted before anything is written, so that an event handed in twice, or a wish that was
told twice, is posted once: only a crash between the answer and that moment posts it again, which
asks for the same. No redirect is followed (RFC 8058 §3.1), and no address of our own network is
asked: see ``connectors.http_out``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from topologies.errors import Retryable
from topologies.events import Event
from topologies.events.base import as_kind
from topologies.events.unsubscribe import (
    UNSUBSCRIBE_WAITS,
    UnsubscribeDue,
    UnsubscribeLater2h,
    UnsubscribeLater5m,
)
from topologies.mail import unsubscribing
from topologies.ports.clock import Clock
from topologies.ports.messenger import Messenger, NotNow, Reply
from topologies.ports.unsubscribes import Unsubscribe, Unsubscribes
from topologies.stage import stage

NOTE_AGAIN_S = 1.0
LATER_BY = timedelta(minutes=5)  # when it was not its turn


@stage(
    reads=UnsubscribeDue,
    writes=[UnsubscribeLater5m, UnsubscribeLater2h],
    timeout=timedelta(hours=1),  # others may be before it, and then a store away
)
async def unsubscribe(
    due: UnsubscribeDue, *, unsubscribes: Unsubscribes, messenger: Messenger, clock: Clock
) -> Sequence[Event]:
    """Tell the sender; return the wish for later, if it is to be told again."""
    async with messenger.turn(f"unsubscribe {due.user_id} {due.email_id}"):
        wish = await unsubscribes.find(due.user_id, due.email_id)
        if wish is None or wish.state != "asked":
            return []
        if wish.attempts < due.attempt:
            now = clock.now()
            reply = await _posted(due, messenger)
            if isinstance(reply, NotNow):
                if now - due.asked_at < unsubscribing.GIVE_UP_AFTER:
                    later = UNSUBSCRIBE_WAITS[LATER_BY]
                    return [as_kind(due, later, put_off=due.put_off + 1)]
                reply = Reply(status=0, text=f"it was never its turn: {reply.reason}")
            wish = _settled(due, wish, reply, now)
            await _note(unsubscribes, wish)
        return _again(due, wish)


async def _posted(due: UnsubscribeDue, messenger: Messenger) -> Reply | NotNow:
    # RFC 8058 §3.1: no cookies, nor anything that tells who asks.
    headers = {"content-type": unsubscribing.FORM, "user-agent": "rillmail-unsubscribe"}
    line = f"unsubscribe {due.host}"
    return await messenger.post(line, due.url, headers, unsubscribing.ONE_CLICK)


def _settled(due: UnsubscribeDue, wish: Unsubscribe, reply: Reply, now: datetime) -> Unsubscribe:
    """Return *wish* as it stands after *reply*."""
    said = " ".join(filter(None, (str(reply.status or ""), reply.text)))
    asked = replace(wish, attempts=due.attempt, detail=said, tried_at=now, next_try_at=None)
    if 200 <= reply.status < 300:
        return replace(asked, state="done", settled_at=now, detail="")
    if unsubscribing.is_retried(reply.status):
        wait = unsubscribing.next_wait(due.attempt, now - due.asked_at, reply.after_s)
        if wait is not None:
            return replace(asked, next_try_at=now + wait)
    return replace(asked, state="refused", settled_at=now)


async def _note(unsubscribes: Unsubscribes, wish: Unsubscribe) -> None:
    """Keep what was answered, however long that takes: else it would be posted again."""
    while True:
        try:
            return await unsubscribes.note(wish)
        except Retryable as error:
            await asyncio.sleep(error.after_s or NOTE_AGAIN_S)


def _again(due: UnsubscribeDue, wish: Unsubscribe) -> Sequence[Event]:
    if wish.attempts != due.attempt or wish.next_try_at is None or wish.tried_at is None:
        return []
    kind = UNSUBSCRIBE_WAITS[wish.next_try_at - wish.tried_at]
    return [as_kind(due, kind, attempt=due.attempt + 1, put_off=0)]
