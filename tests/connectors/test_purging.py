"""Users whose time of grace is over are deleted by whatever serves."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from connectors.assembly import purging
from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from tests.cli.stores_in_memory import MemoryStores
from topologies.errors import Retryable
from topologies.ports.directory import User

GRACE = timedelta(days=7)


async def test_who_is_due_goes_and_nobody_else() -> None:
    stores = await furnished(MemoryDirectory(ManualClock()))
    stores.clock.move(GRACE)
    await purged(stores)
    assert [user.address for user in await stores.directory.users()] == [
        *("cy@shop.example", "dan@shop.example")
    ]


async def test_a_directory_that_is_away_is_asked_again() -> None:
    directory = Away(ManualClock())
    stores = await furnished(directory)
    stores.clock.move(GRACE)
    await purged(stores)
    assert len(await stores.directory.users()) == 3
    directory.is_away = False
    await purged(stores)
    assert len(await stores.directory.users()) == 2


async def test_who_is_resumed_at_the_last_moment_stays() -> None:
    directory = Slow(ManualClock())
    stores = await furnished(directory)
    stores.clock.move(GRACE)
    await purged(stores)
    assert len(await stores.directory.users()) == 3


class Away(MemoryDirectory):
    """A directory that can't be asked who is due."""

    is_away = True

    async def due(self, now: datetime) -> Sequence[User]:
        if self.is_away:
            raise Retryable("away")
        return await super().due(now)


class Slow(MemoryDirectory):
    """A directory whose users are resumed while it tells that they are due."""

    async def due(self, now: datetime) -> Sequence[User]:
        due = await super().due(now)
        for user in due:
            await self.change_user(user.user_id, is_suspended=False)
        return due


async def furnished(directory: MemoryDirectory) -> MemoryStores:
    """bo@, who is to go after ``GRACE``, cy@ a second later, and dan@, who stays."""
    stores = MemoryStores(directory=directory)
    await directory.add_domain("shop.example")
    for name, after in (("bo", GRACE), ("cy", GRACE + timedelta(seconds=1)), ("dan", None)):
        user = await directory.add_user(f"{name}@shop.example", "secret")
        if after:
            await directory.delete_later(user.user_id, stores.clock.now() + after)
    return stores


async def purged(stores: MemoryStores) -> None:
    """Let the first round pass."""
    given: Any = stores  # has what a deployment's stores have, as far as this asks
    task = asyncio.create_task(purging.purge(given))
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
