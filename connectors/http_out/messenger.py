"""Posts messages to webhooks by HTTP/1.1: no redirect is followed, little of an answer is read."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import cast

import httpcore

from connectors.http_out.guard import GuardedBackend
from connectors.http_out.lines import Full, Lines
from topologies.errors import Misconfigured
from topologies.ports.dns import Resolver
from topologies.ports.messenger import NotNow, Reply

TIMEOUT_S = 15.0  # "in the 15s-30s range"; for all of it, however slowly something comes
READ_BYTES = 4 * 1024  # of an answer; the rest is not waited for
SHOWN_CHARACTERS = 200
MOST_KEPT, KEPT_S = 100, 5.0  # connections that wait for the next message
USER_AGENT = "rillmail-webhooks"

_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class HttpMessenger:
    """Posts from this process."""

    def __init__(
        self,
        resolver: Resolver,
        context: ssl.SSLContext,
        *,
        is_private_allowed: bool = False,
        timeout_s: float = TIMEOUT_S,
        lines: Lines | None = None,
    ) -> None:
        """Connect to nobody yet.

        Args:
            resolver: Tells the addresses of hosts.
            context: Knows which authorities to believe.
            is_private_allowed: Whether hosts may be of our own network.
            timeout_s: For one attempt, from the look-up to the answer.
            lines: How many are posted at once; None: as in production.
        """
        self._timeout_s = timeout_s
        self._lines = lines or Lines()
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}  # by message: and how many want it
        # Without a limit, since who waits for a connection would wait for the slow: lines limit.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=MOST_KEPT,
            keepalive_expiry=KEPT_S,
            network_backend=GuardedBackend(resolver, is_private_allowed=is_private_allowed),
        )

    @asynccontextmanager
    async def turn(self, message_id: str) -> AsyncGenerator[None]:
        lock, wanted = self._turns.get(message_id, (asyncio.Lock(), 0))
        self._turns[message_id] = (lock, wanted + 1)
        try:
            async with lock:
                yield
        finally:
            lock, wanted = self._turns[message_id]
            self._turns[message_id] = (lock, wanted - 1)
            if wanted == 1:
                del self._turns[message_id]

    async def post(
        self, webhook_id: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | NotNow:
        try:
            async with self._lines.place(webhook_id):
                begun = time.monotonic()
                status, text = await self._within_time(url, headers, body)
                took_s = time.monotonic() - begun
                self._lines.fared(webhook_id, "" if status else text, took_s)
                return Reply(status=status, text=text, took_ms=round(took_s * 1000))
        except Full as full:
            return NotNow(str(full), full.for_s)

    async def close(self) -> None:
        """End all connections."""
        await self._pool.aclose()

    async def _within_time(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answer(url, headers, body)
        except TimeoutError:
            return 0, f"no answer within {self._timeout_s:g} s"
        except _FAILURES as error:
            return 0, _shown(str(error) or type(error).__name__)

    async def _answer(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        own = [("content-type", "application/json"), ("user-agent", USER_AGENT)]
        async with self._pool.stream(
            "POST", url, headers=[*own, *headers.items()], content=body
        ) as response:
            # It is an asynchronous generator, whatever it is told to be: what is left is not read.
            chunks = cast("AsyncGenerator[bytes]", response.aiter_stream())
            read = bytearray()
            async with aclosing(chunks):
                async for chunk in chunks:
                    read += chunk
                    if len(read) >= READ_BYTES:
                        break
            return response.status, _shown(read[:READ_BYTES].decode("utf-8", "replace"))


def context_of(ca_file: str) -> ssl.SSLContext:
    """Return TLS as a client that believes the machine's authorities, and those in *ca_file*.

    Raises:
        Misconfigured: The file can't be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: older ones are broken
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise Misconfigured(f"delivery_ca_file: {ca_file}: {error}") from error
    return context


def _shown(text: str) -> str:
    """Return the beginning of *text* on one line, without what a terminal would act on."""
    words = "".join(c if c.isprintable() else " " for c in text[: SHOWN_CHARACTERS * 4])
    return " ".join(words.split())[:SHOWN_CHARACTERS]
