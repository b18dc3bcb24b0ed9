"""Notices within one process: a queue for each listener, by user."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from topologies.ports.notices import Notice

MOST_WAITING = 1_000  # of one listener; beyond it is cut off


class MemoryNotices:
    """All listeners of one process."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, set[asyncio.Queue[Notice | None]]] = defaultdict(set)

    async def publish(self, notice: Notice) -> None:
        # A copy, since who is cut off leaves the set.
        for queue in tuple(self._queues.get(notice.user_id, ())):
            if queue.qsize() < MOST_WAITING:
                queue.put_nowait(notice)
            else:
                queue.put_nowait(None)
                self._leave(notice.user_id, queue)

    def listen(self, user_id: str) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        return self._listen(user_id)

    def is_listening(self, user_id: str) -> bool:
        return user_id in self._queues

    @asynccontextmanager
    async def _listen(self, user_id: str) -> AsyncGenerator[AsyncIterator[Notice]]:
        queue: asyncio.Queue[Notice | None] = asyncio.Queue()
        self._queues[user_id].add(queue)
        try:
            yield _Reader(queue)
        finally:
            self._leave(user_id, queue)

    def _leave(self, user_id: str, queue: asyncio.Queue[Notice | None]) -> None:
        if (queues := self._queues.get(user_id)) is not None:
            queues.discard(queue)
            if not queues:
                del self._queues[user_id]


class _Reader:
    """Yields what comes until it is cut off. A step that is cancelled loses nothing."""

    def __init__(self, queue: asyncio.Queue[Notice | None]) -> None:
        self._queue = queue
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[Notice]:
        return self

    async def __anext__(self) -> Notice:
        notice = None if self._is_over else await self._queue.get()
        if notice is None:
            self._is_over = True
            raise StopAsyncIteration
        return notice
