"""Cached listings whose keys are their own: tests that all speak of `ann` do not meet in Redis."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from connectors.redis.client import RedisClient, Word
from connectors.redis.listings import CachedListings
from connectors.settings import load
from tests.live.engines import redis
from topologies.ports.mailboxes import Mailboxes

DATABASE = 11


class OwnKeys(RedisClient):
    """Writes a prefix before each key of a listing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._prefix = secrets.token_hex(6) + "/"

    async def call(self, *command: Word) -> Any:
        words = [
            f"{self._prefix}{word}" if isinstance(word, str) and word.startswith("list:") else word
            for word in command
        ]
        return await super().call(*words)


@asynccontextmanager
async def own_listings(mailboxes: Mailboxes) -> AsyncGenerator[CachedListings]:
    """A cache before *mailboxes*; what is left there dies by itself."""
    async with redis(DATABASE):  # which tells when there is no Redis
        client = OwnKeys(urlsplit(load().redis_url)._replace(path=f"/{DATABASE}").geturl())
        try:
            yield CachedListings(mailboxes, client)
        finally:
            await client.close()
