"""A worker that lost its partition in the middle of a command: its writes land late, and lose."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress

import pytest

from connectors.cassandra.driver import Connected
from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.connectors.test_cassandra_mailboxes import HISTORY
from tests.live.cassandra_users import HeldBack, Life, OwnUsers
from tests.mailbox.state import everything
from topologies.errors import Retryable
from topologies.events import Command
from topologies.mailbox.store import store

pytestmark = pytest.mark.live


@pytest.mark.parametrize("passing", [0, 1, 2])
async def test_what_a_worker_writes_late_takes_nothing_back(
    cassandra: Connected, passing: int
) -> None:
    for place, command in enumerate(HISTORY):
        following = HISTORY[place + 1 : place + 5]
        await _check(cassandra, HISTORY[:place], command, following, passing)


async def _check(
    cassandra: Connected,
    before: Sequence[Command],
    command: Command,
    following: Sequence[Command],
    passing: int,
) -> None:
    """Let one worker stop in the middle of *command*, and go on when another did *following*."""
    plain = MemoryMailboxes(ManualClock())
    session = OwnUsers(cassandra)
    held = HeldBack(session, passing)
    async with aclosing(Life(session)) as life, aclosing(Life(held)) as late:
        for each in before:
            await store(each, mailboxes=plain)
            await store(each, mailboxes=life.mailboxes)
        expected = await store(command, mailboxes=plain)
        lagging = asyncio.create_task(store(command, mailboxes=late.mailboxes))
        await asyncio.wait(
            {lagging, asyncio.create_task(held.is_held.wait())},
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert await store(command, mailboxes=life.mailboxes) == expected
        for each in following:
            assert await store(each, mailboxes=life.mailboxes) == await store(each, mailboxes=plain)
        held.let_go.set()
        with suppress(Retryable):
            assert await lagging == expected
    async with aclosing(Life(session)) as life:
        assert await everything(life.mailboxes, "ann") == await everything(plain, "ann")
