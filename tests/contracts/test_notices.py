"""What every hub of notices keeps to."""

import asyncio
from datetime import UTC, datetime

import pytest

from connectors.memory.notices import MOST_WAITING, MemoryNotices
from topologies.events import MailboxChanged
from topologies.mailbox.notify import notify


async def test_who_listens_hears_what_changes_in_their_mailbox_in_order_and_nothing_else() -> None:
    notices = MemoryNotices()
    async with notices.listen("user-1") as heard:
        for change in (changed("user-1", 1), changed("user-2", 1), changed("user-1", 2)):
            assert await notify(change, notices=notices) == []
        assert [await anext(heard), await anext(heard)] == [
            changed("user-1", 1),
            changed("user-1", 2),
        ]


async def test_all_listeners_of_one_user_hear_the_same() -> None:
    notices = MemoryNotices()
    async with notices.listen("user-1") as one, notices.listen("user-1") as other:
        await notices.publish(changed("user-1", 1))
        assert await anext(one) == await anext(other)


async def test_a_listener_that_falls_too_far_behind_is_cut_off_after_what_it_has() -> None:
    notices = MemoryNotices()
    async with notices.listen("user-1") as heard:
        for seq in range(1, MOST_WAITING + 2):
            await notices.publish(changed("user-1", seq))
        assert not notices.is_listening("user-1")
        assert len([notice async for notice in heard]) == MOST_WAITING
        with pytest.raises(StopAsyncIteration):
            await anext(heard)


async def test_whoever_left_is_listening_no_more() -> None:
    notices = MemoryNotices()
    async with notices.listen("user-1"):
        assert notices.is_listening("user-1")
    assert not notices.is_listening("user-1")


async def test_a_wait_that_is_given_up_loses_nothing() -> None:
    notices = MemoryNotices()
    async with notices.listen("user-1") as heard:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(heard)
        await notices.publish(changed("user-1", 1))
        assert await anext(heard) == changed("user-1", 1)


def changed(user_id: str, seq: int) -> MailboxChanged:
    return MailboxChanged(
        user_id=user_id,
        seq=seq,
        command_id="command-1",
        changed_at=datetime(2026, 3, 1, tzinfo=UTC),
        kind="email.updated",
    )
