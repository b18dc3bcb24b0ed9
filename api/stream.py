"""Changes as they happen: each told once, in order, none missed, whatever it is told by.

Who connects listens first and reads what was missed then, so that nothing falls between; what
comes twice is told by its number. Ids and states are told, never content. When more happens at
once than is kept for a listener, it is read from the view instead. A client that takes no message
for too long is cut off with a reason, and catches up from its cursor when it comes again.

How a client is told is decided by its ``Reader``: ``api.push`` is that of a WebSocket,
``api.stream_events`` that of server-sent events.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Literal, Protocol

import msgspec

from api import views
from api.context import Context
from topologies.errors import Retryable
from topologies.events import MailboxChanged
from topologies.ports.directory import Session
from topologies.ports.mailboxes import MAX_PAGE
from topologies.ports.notices import Missed, Notice

Why = Literal["try-again", "signed-out", "too-old"]
TOO_MANY = "this user has too many sockets and streams open"

_encoder = msgspec.json.Encoder()


class Left(Exception):
    """The client is gone: there is nobody to tell anything."""


class Ended(Exception):
    """Nothing more is told.

    Attributes:
        why: For programs.
        reason: Beside it, for people.
    """

    def __init__(self, why: Why, reason: str) -> None:
        super().__init__(reason)
        self.why: Why = why
        self.reason = reason


class Reader(Protocol):
    """A client; each method returns once it can be told more, or raises ``Left``.

    Attributes:
        quiet_s: After how many seconds without a word ``quiet`` is called.
    """

    quiet_s: float

    async def begun(self, seq: int) -> None:
        """It listens; what comes after the change of number *seq* is told."""
        ...

    async def told(self, change: MailboxChanged) -> None:
        """Tell *change*."""
        ...

    async def too_old(self, seq: int) -> None:
        """Tell that changes after its number are not kept; the last one has the number *seq*.

        Raises:
            Ended: It is to come again; else what comes after *seq* is told.
        """
        ...

    async def quiet(self) -> None:
        """Nothing happened for a while."""
        ...


async def follow(
    context: Context, session: Session, token: str, since: int | None, reader: Reader
) -> None:
    """Tell *reader* every change after *since*, or from now on, for as long as *token* holds.

    Raises:
        Ended: Nothing more is told.
        Left: The client is gone.
        Retryable: A store is out of reach.
    """
    await _Following(context, session.user.user_id, token, reader).run(since)


async def until_left(
    telling: Coroutine[Any, Any, None], *leaving: Coroutine[Any, Any, object]
) -> Ended | None:
    """Run *telling* until it ends, or one of *leaving* does.

    Returns:
        Why the client is to be told no more; None if it is not there.
    """
    tasks = [asyncio.ensure_future(each) for each in (telling, *leaving)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks[1:]:
            if task.done():
                await task
                return None
        await tasks[0]
    except Ended as ended:
        return ended
    except Retryable:
        return Ended("try-again", "something is out of reach: connect again")
    except Left:
        return None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return None


def encoded(change: MailboxChanged) -> bytes:
    """Return *change* as it is pushed."""
    return _encoder.encode(views.change(change))


class _Following:
    def __init__(self, context: Context, user_id: str, token: str, reader: Reader) -> None:
        self._context = context
        self._user_id = user_id
        self._token = token
        self._reader = reader
        self._now = asyncio.get_running_loop().time
        self._check_at = self._now() + context.check_every_s
        self._quiet_at = self._now() + reader.quiet_s

    async def run(self, since: int | None) -> None:
        has_begun = False
        while True:
            async with self._context.notices.listen(self._user_id) as notices:
                if since is None:
                    since = (await self._context.mailboxes.mailbox(self._user_id)).seq
                if not has_begun:
                    await self._in_time(self._reader.begun(since))
                    has_begun = True
                since = await self._catch_up(since)
                since = await self._listen(notices, since)

    async def _listen(self, notices: AsyncIterator[Notice], since: int) -> int:
        """Tell what is heard; return the number of the last change when no more can be."""
        while True:
            try:
                async with asyncio.timeout_at(min(self._check_at, self._quiet_at)):
                    notice = await anext(notices)
            except TimeoutError:
                notice = None
            except StopAsyncIteration:
                return since  # more came at once than is kept for us
            await self._check()
            if isinstance(notice, MailboxChanged) and notice.seq == since + 1:
                await self._in_time(self._reader.told(notice))
                since = notice.seq
            elif isinstance(notice, Missed) or (
                isinstance(notice, MailboxChanged) and notice.seq > since
            ):
                since = await self._catch_up(since)
            elif self._now() >= self._quiet_at:
                await self._in_time(self._reader.quiet())

    async def _check(self) -> None:
        """Look whether the token holds; by the clock, since many a mailbox is never silent."""
        if self._now() < self._check_at:
            return
        if await self._context.directory.session(self._token) is None:
            raise Ended("signed-out", "the token is not valid any more")
        self._check_at = self._now() + self._context.check_every_s

    async def _catch_up(self, since: int) -> int:
        """Tell what was missed; return the number of the last change that is known then."""
        has_more = True
        while has_more:
            found = await self._context.mailboxes.changes(self._user_id, since, MAX_PAGE)
            if found.status == "too-old":
                await self._in_time(self._reader.too_old(found.seq))
            for change in found.changes:
                await self._in_time(self._reader.told(change))
            since, has_more = found.seq, found.has_more
        return since

    async def _in_time(self, telling: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(self._context.send_timeout_s):
                await telling
        except TimeoutError:
            reason = "you read too slowly: connect again from your cursor"
            raise Ended("try-again", reason) from None
        self._quiet_at = self._now() + self._reader.quiet_s
