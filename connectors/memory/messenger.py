"""A messenger that posts nothing: for tests. What webhooks answer is said beforehand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from topologies.ports.messenger import NotNow, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was posted."""

    webhook_id: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class MemoryMessenger:
    """Says what it was told to answer next, one reply a message; then 204 for ever."""

    def __init__(self, *replies: Reply | NotNow) -> None:
        self.replies = list(replies)
        self.posted: list[Posted] = []
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def turn(self, message_id: str) -> AsyncGenerator[None]:
        async with self._turns[message_id]:
            yield

    async def post(
        self, webhook_id: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NotNow:
        reply = self.replies.pop(0) if self.replies else Reply(status=204)
        if isinstance(reply, Reply):
            self.posted.append(Posted(webhook_id=webhook_id, url=url, headers=headers, body=body))
        return reply
