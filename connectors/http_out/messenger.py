"""Posts messages to webhooks by HTTP/1.1: no redirect is followed, little of an answer is read."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import cast

import httpcore

from connectors.http_out.connections import Connections
from connectors.http_out.guard import GuardedBackend
from connectors.http_out.lines import Full, Lines
from topologies.errors import Misconfigured
from topologies.ports.dns import Resolver
from topologies.ports.messenger import NotNow, Reply

TIMEOUT_S = 15.0  # "in the 15s-30s range"; for all of it, however slowly something comes
READ_BYTES, READ_S = 4 * 1024, 2.0  # of an answer; the rest is not waited for
LONGEST_NUMBER = 9  # digits
SHOWN_CHARACTERS = 200
USER_AGENT = "rillmail-webhooks"

_OWN = {"content-type": "application/json", "user-agent": USER_AGENT}  # unless others are given
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
        backend = GuardedBackend(resolver, is_private_allowed=is_private_allowed)
        self._connections = Connections(context, backend)

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
                reply = await self._reply(url, headers, body)
                took_s = time.monotonic() - begun
                self._lines.fared(webhook_id, "" if reply.status else reply.text, took_s)
                return replace(reply, took_ms=round(took_s * 1000))
        except Full as full:
            return NotNow(str(full), full.for_s)

    async def close(self) -> None:
        """End all connections."""
        await self._connections.close()

    async def _reply(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        sent, place = list((_OWN | dict(headers)).items()), httpcore.URL(url)
        status, after_s, failure, read = 0, 0.0, "", bytearray()
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._connections.taken(place) as connection,
                connection.stream("POST", place, headers=sent, content=body) as response,
            ):
                # What it said counts, even if the rest never comes.
                status, after_s = response.status, _asked_s(response.headers)
                await _read(response, read)
        except TimeoutError:
            failure = f"no answer within {self._timeout_s:g} s"
        except _FAILURES as error:
            failure = str(error) or type(error).__name__
        text = read[:READ_BYTES].decode("utf-8", "replace") if status else failure
        return Reply(status=status, text=_shown(text), after_s=after_s)


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


async def _read(response: httpcore.Response, into: bytearray) -> None:
    # It is an asynchronous generator, whatever it is told to be: what is left is not read.
    chunks = cast("AsyncGenerator[bytes]", response.aiter_stream())
    async with asyncio.timeout(READ_S), aclosing(chunks):
        async for chunk in chunks:
            into += chunk
            if len(into) >= READ_BYTES:
                return


def _asked_s(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return what Retry-After asks for in seconds (RFC 9110 §10.2.3); 0: nothing, or a date."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) <= LONGEST_NUMBER:
            return float(value)
    return 0.0


def _shown(text: str) -> str:
    """Return the beginning of *text* on one line, without what a terminal would act on."""
    words = "".join(c if c.isprintable() else " " for c in text[: SHOWN_CHARACTERS * 4])
    return " ".join(words.split())[:SHOWN_CHARACTERS]
