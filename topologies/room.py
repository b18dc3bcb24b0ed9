"""Room in memory for messages that are worked on: who finds none waits for others to end."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Room:
    """So many bytes, given out in the order in which they are asked for."""

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._left_bytes = total_bytes
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, wanted_bytes: int) -> AsyncGenerator[None]:
        """Wait for so much room, or all that there is, and have it."""
        wanted_bytes = min(wanted_bytes, self._total_bytes)
        if self._waiters or wanted_bytes > self._left_bytes:
            await self._wait_for(wanted_bytes)
        else:
            self._left_bytes -= wanted_bytes
        try:
            yield
        finally:
            self._give_back(wanted_bytes)

    async def _wait_for(self, wanted_bytes: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((wanted_bytes, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._give_back(wanted_bytes)  # it was given in this very moment
            raise

    def _give_back(self, given_bytes: int) -> None:
        self._left_bytes += given_bytes
        while self._waiters:
            wanted_bytes, future = self._waiters[0]
            if not future.done():
                if wanted_bytes > self._left_bytes:
                    return
                self._left_bytes -= wanted_bytes
                future.set_result(None)
            self._waiters.popleft()
