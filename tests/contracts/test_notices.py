"""What every hub of notices keeps to."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest

from connectors.memory.notices import MOST_WAITING, MemoryNotices
from connectors.redis.notices import RedisNotices
from tests.engines.stages import until
from tests.live import engines
from topologies.events import MailboxChanged
from topologies.mailbox.notify import notify
from topologies.ports.notices import Notice, Notices


async def test_who_listens_hears_what_changes_in_their_mailbox_in_order_and_nothing_else(
    notices: Notices, user: str
) -> None:
    async with notices.listen(user) as heard:
        for change in (changed(user, 1), changed(f"{user}-2", 1), changed(user, 2)):
            assert await notify(change, notices=notices) == []
        assert [await anext(heard), await anext(heard)] == [
            changed(user, 1),
            changed(user, 2),
        ]


async def test_all_listeners_of_one_user_hear_the_same(notices: Notices, user: str) -> None:
    async with notices.listen(user) as one, notices.listen(user) as other:
        await notices.publish(changed(user, 1))
        assert await anext(one) == await anext(other)


async def test_a_listener_that_falls_too_far_behind_is_cut_off_after_what_it_has(
    notices: Notices, user: str
) -> None:
    async with notices.listen(user) as heard:
        for seq in range(1, MOST_WAITING + 2):
            await notices.publish(changed(user, seq))
        await until(lambda: not notices.is_listening(user))
        assert len([notice async for notice in heard]) == MOST_WAITING
        with pytest.raises(StopAsyncIteration):
            await anext(heard)


async def test_whoever_left_is_listening_no_more(notices: Notices, user: str) -> None:
    async with notices.listen(user):
        assert notices.is_listening(user)
    assert not notices.is_listening(user)


async def test_a_wait_that_is_given_up_loses_nothing(notices: Notices, user: str) -> None:
    async with notices.listen(user) as heard:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(heard)
        await notices.publish(changed(user, 1))
        assert await anext(heard) == changed(user, 1)


class TwoServers:
    """What one process publishes and another listens to."""

    def __init__(self, publisher: Notices, listener: Notices) -> None:
        self._publisher = publisher
        self._listener = listener

    async def publish(self, notice: Notice) -> None:
        await self._publisher.publish(notice)

    def listen(self, user_id: str) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        return self._listener.listen(user_id)

    def is_listening(self, user_id: str) -> bool:
        return self._listener.is_listening(user_id)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.live),
        pytest.param("redis-two-servers", marks=pytest.mark.live),
    ]
)
async def notices(request: pytest.FixtureRequest) -> AsyncGenerator[Notices]:
    if request.param == "memory":
        yield MemoryNotices()
        return
    async with engines.redis() as one, engines.redis() as other:
        publisher = RedisNotices(one, MemoryNotices())
        listener = RedisNotices(other, MemoryNotices())
        async with publisher.serving(), listener.serving():
            two = TwoServers(publisher, listener)
            yield two if request.param == "redis-two-servers" else listener


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(4)}"


def changed(user_id: str, seq: int) -> MailboxChanged:
    return MailboxChanged(
        user_id=user_id,
        seq=seq,
        command_id="command-1",
        changed_at=datetime(2026, 3, 1, tzinfo=UTC),
        kind="email.updated",
    )
