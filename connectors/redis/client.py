# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Redis: commands in few round trips, and channels to hear on. The one file that knows redis-py.

All commands that wait while one batch is under way go with the next, in the order in which
they were given. Redis holds nothing here that must not be lost, so an outage shall cost
nothing but what Redis is for: after a failure every command fails at once, until a probe in
the background is answered.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from connectors.access import Access
from topologies.errors import Misconfigured, Retryable

Word = str | bytes | int | float

TIMEOUT_S = 0.5  # of a batch, and of a connection
PROBE_S = 0.5  # how often Redis is asked whether it is back
LARGEST_BATCH = 256
SILENCE_S = 6.0  # a channel on which nothing comes for so long is no more

_REFUSES = "Redis refuses us: "

_logger = structlog.get_logger("redis")


@dataclass(slots=True)
class _Asked:
    command: tuple[Word, ...]
    future: asyncio.Future[Any]


class RedisClient:
    """One Redis, as one event loop uses it."""

    def __init__(
        self, url: str, *, timeout_s: float = TIMEOUT_S, access: Access | None = None
    ) -> None:
        """Use the database at *url* (redis:// or rediss://); nothing is connected yet.

        *access* says how it is spoken to; without it, the URL does.

        Raises:
            Misconfigured: It is no such URL.
        """
        self._timeout_s = timeout_s
        self._access = access or Access(engine="redis")
        self._tls = self._access.tls()
        try:
            self._redis = self._connected(url, timeout_s)
            self._hearing = self._connected(url, None)
        except ValueError as error:
            raise Misconfigured(f"redis_url: {error}") from error
        self._waiting: list[_Asked] = []
        self._sending: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._is_down = False
        self._is_closed = False
        self._back_at = -float("inf")
        self._when_back: list[Callable[[], Awaitable[None]]] = []

    @property
    def is_down(self) -> bool:
        """True from a failure until Redis answers again."""
        return self._is_down

    @property
    def up_for_s(self) -> float:
        """For how long Redis has been there since the last outage; infinite without one."""
        return 0.0 if self._is_down else time.monotonic() - self._back_at

    def when_back(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have *call* awaited each time that Redis is back after an outage."""
        self._when_back.append(call)

    async def check(self) -> None:
        """Ask whether Redis lets us in; one that is out of reach may come yet.

        Raises:
            Misconfigured: It refuses us.
        """
        if self._access.is_tls:
            at = self._redis.get_connection_kwargs()
            await self._access.check([(at["host"], at.get("port", 6379))])
        with suppress(Retryable):
            try:
                await self.call("PING")
            except Misconfigured as error:
                raise self._access.refused(str(error).removeprefix(_REFUSES)) from error

    async def call(self, *command: Word) -> Any:
        """Send one command and return its reply as redis-py reads it.

        Raises:
            Retryable: Redis is out of reach, or did not answer in time.
            Misconfigured: It refuses the command.
        """
        if self._is_down or self._is_closed:
            raise Retryable("Redis is out of reach", outage=True)
        asked = _Asked(command, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="redis-send")
        return await asked.future

    @asynccontextmanager
    async def subscribed(self, channel: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Hear what is published on *channel*, from the moment the context is entered.

        Whoever publishes there says something at least every few seconds: the iterator raises
        Retryable when nothing comes, or the connection is lost.
        """
        heard = self._hearing.pubsub(ignore_subscribe_messages=False)
        try:
            with _translated():
                async with asyncio.timeout(2 * self._timeout_s):
                    await heard.subscribe(channel)
                    # Redis has answered: from here on we are told.
                    await heard.get_message(timeout=None)
            yield _messages(heard)
        finally:
            with suppress(RedisError, OSError):
                await heard.aclose()

    async def close(self) -> None:
        """Give up what is under way, and the connections."""
        self._is_closed = True
        for task in (self._sending, self._probing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for redis in (self._redis, self._hearing):
            with suppress(RedisError, OSError):  # one that does not close in time is let go
                await redis.aclose()

    async def _send(self) -> None:
        batch: list[_Asked] = []
        try:
            while self._waiting:
                batch, self._waiting = (
                    self._waiting[:LARGEST_BATCH],
                    self._waiting[LARGEST_BATCH:],
                )
                _settle(batch, await self._sent(batch))
        except Misconfigured as error:
            self._fail([*batch, *self._waiting], error)
        except Retryable as error:
            _logger.warning("redis.down", reason=str(error))
            self._is_down = True
            self._fail([*batch, *self._waiting], error)
            self._probing = asyncio.create_task(self._probe(), name="redis-probe")
        except asyncio.CancelledError:
            self._fail([*batch, *self._waiting], Retryable("Redis is closed", outage=True))
            raise
        finally:
            self._sending = None

    async def _sent(self, batch: list[_Asked]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for asked in batch:
            pipeline.execute_command(*asked.command)
        with _translated():
            async with asyncio.timeout(2 * self._timeout_s):
                return await pipeline.execute(raise_on_error=False)

    async def _probe(self) -> None:
        """Ask until there is an answer; then let commands through again."""
        while self._is_down:
            await asyncio.sleep(PROBE_S)
            with suppress(Retryable, Misconfigured), _translated():
                async with asyncio.timeout(2 * self._timeout_s):
                    await self._redis.execute_command("PING")
                self._is_down = False
        self._back_at = time.monotonic()
        _logger.info("redis.back")
        for call in self._when_back:
            with suppress(Retryable):  # down again: there will be another probe
                await call()

    def _fail(self, asked: list[_Asked], error: Exception) -> None:
        self._waiting = []
        for each in asked:
            if not each.future.done():
                each.future.set_exception(error)

    def _connected(self, url: str, timeout_s: float | None) -> Redis:
        given: dict[str, Any] = {}
        if self._access.password:
            given = {"username": self._access.user or None, "password": self._access.password}
        redis = Redis.from_url(
            url,
            socket_connect_timeout=self._timeout_s,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),  # a hint that comes twice is worse than one lost
            protocol=2,
            **given,
        )
        if self._tls is not None:  # the URL would win over what is given beside it
            redis.connection_pool.connection_class = _Secured
            redis.connection_pool.connection_kwargs["context"] = self._tls
        return redis


class _Secured(SSLConnection):
    """Speaks TLS as we say: by the library's own word it would believe the machine's CAs too."""

    def __init__(self, *, context: ssl.SSLContext, **more: Any) -> None:
        super().__init__(**more)
        self._context = context

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._context}


async def _messages(heard: PubSub) -> AsyncIterator[bytes]:
    while True:
        with _translated():
            message: Any = await heard.get_message(timeout=SILENCE_S)
        if message is None:
            raise Retryable("nothing comes from Redis", outage=True)
        if message["type"] == "message":
            yield message["data"]


def _settle(batch: list[_Asked], replies: list[Any]) -> None:
    for asked, reply in zip(batch, replies, strict=True):
        if asked.future.done():
            continue  # who asked was cancelled
        if isinstance(reply, Exception):
            asked.future.set_exception(_meaning(reply))
        else:
            asked.future.set_result(reply)


@contextmanager
def _translated() -> Generator[None]:
    """Tell the library's errors in our own words."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise _meaning(error) from error


def _meaning(error: Exception) -> Exception:
    text = str(error)
    if isinstance(error, AuthenticationError) or text.startswith(("NOPERM", "NOAUTH", "WRONGPASS")):
        return Misconfigured(f"{_REFUSES}{text}")
    # A replica that took over, one that loads its file, or one whose memory is full: it passes.
    is_command = isinstance(error, ResponseError) and text.startswith(("ERR", "WRONGTYPE"))
    return Retryable(f"Redis: {text or type(error).__name__}", outage=not is_command)
