"""Connections to webhooks: one message at a time, and kept a moment for the next one.

httpcore's own pool is not used: it forgets a connection whose request is cancelled in the moment
between connecting and asking, for ever. Here whatever does not end idle is closed.
"""

import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpcore

MOST_KEPT, KEPT_S = 100, 5.0


class Connections:
    """Those of one process."""

    def __init__(self, context: ssl.SSLContext, backend: httpcore.AsyncNetworkBackend) -> None:
        """Connect to nobody yet.

        Args:
            context: Knows which authorities to believe.
            backend: How it is connected.
        """
        self._context = context
        self._backend = backend
        self._kept: dict[str, list[httpcore.AsyncHTTPConnection]] = {}
        self._count = 0  # of those that are kept
        self._swept_at = time.monotonic()

    @asynccontextmanager
    async def taken(self, url: httpcore.URL) -> AsyncGenerator[httpcore.AsyncHTTPConnection]:
        """Have a connection to where *url* is; it may be one that was used before."""
        await self._sweep()
        place = str(url.origin)
        connection = await self._taken_from(place) or httpcore.AsyncHTTPConnection(
            url.origin,
            ssl_context=self._context,
            keepalive_expiry=KEPT_S,
            network_backend=self._backend,
        )
        try:
            yield connection
        finally:
            if connection.is_available() and self._count < MOST_KEPT:
                self._kept.setdefault(place, []).append(connection)
                self._count += 1
            else:
                await connection.aclose()

    async def close(self) -> None:
        """End those that are kept."""
        for place in list(self._kept):
            for connection in self._kept.pop(place):
                await connection.aclose()
        self._count = 0

    async def _taken_from(self, place: str) -> httpcore.AsyncHTTPConnection | None:
        """Return a connection that was kept for *place* and is still good."""
        kept = self._kept.get(place, [])
        while kept:
            connection = kept.pop()
            self._count -= 1
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _sweep(self) -> None:
        """Close, now and then, what was kept for long enough or was closed by the other side."""
        now = time.monotonic()
        if now < self._swept_at + KEPT_S:
            return
        self._swept_at = now
        for place in list(self._kept):
            found = self._kept.pop(place)
            over = [each.has_expired() for each in found]
            if good := [each for each, is_over in zip(found, over, strict=True) if not is_over]:
                self._kept[place] = good
            self._count -= sum(over)
            for each, is_over in zip(found, over, strict=True):
                if is_over:
                    await each.aclose()
