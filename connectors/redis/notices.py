"""Notices between processes: by Redis pub/sub, to those servers alone that somebody listens at.

Who listens is written at `ws:{user}`, a hash of server → "connected_at seen_at" in Unix
seconds: it lives 60 s and is refreshed every 30 s, so that a server that died is forgotten.
Each server hears on the channel `server:{id}` and fans out in process. To publish is one
script in Redis, which reads who listens and tells just those.

Redis holds hints alone. While it is out of reach, who listens in the same process still hears,
publishing costs nothing, and whoever may have missed something is told ``Missed`` once it is
back: also when Redis has lost all it held, or a line was cut.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import msgspec
import structlog

from connectors.redis.client import RedisClient
from topologies.errors import Misconfigured, Retryable
from topologies.events import CommandAnswered, MailboxChanged
from topologies.ports.notices import Missed, Notice, Notices

LIVES_S = 60
REFRESH_S = 30.0
BEAT_S = 2.0  # how often to look whether Redis still knows us, and the channel is heard
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 2.0
AT_ONCE = 200  # users registered or told in one go
BETWEEN_S = 0.1  # so that not all who listen read their mailbox at the same moment
MOST_LOST = 10_000  # users that are told once Redis is back

# The time is that of Redis, so that no clock but one counts.
# ws:{user} | id of a server, since when somebody listens there, LIVES_S
_REGISTER = """
local now = redis.call('TIME')[1]
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
# ws:{user} | id of who publishes, LIVES_S, the notice
_PUBLISH = """
local found = redis.call('HGETALL', KEYS[1])
if #found == 0 then return 0 end
local oldest, told = redis.call('TIME')[1] - ARGV[2], 0
for at = 1, #found, 2 do
    local seen = tonumber(string.match(found[at + 1], '%d+$'))
    if not seen or seen < oldest then
        redis.call('HDEL', KEYS[1], found[at])
    elseif found[at] ~= ARGV[1] then
        told = told + redis.call('PUBLISH', 'server:' .. found[at], ARGV[3])
    end
end
return told
"""
_decoder = msgspec.json.Decoder(MailboxChanged | CommandAnswered | Missed)
_encoder = msgspec.json.Encoder()
_logger = structlog.get_logger("notices")


class RedisNotices:
    """The notices of one process among many."""

    def __init__(
        self,
        client: RedisClient,
        local: Notices,
        *,
        server_id: str | None = None,
        refresh_s: float = REFRESH_S,
        beat_s: float = BEAT_S,
    ) -> None:
        """Publish by *client*, and fan out by *local*; to hear from others, enter ``serving``.

        Args:
            client: Opened and closed by its owner.
            local: Of this process alone.
            server_id: Unique among all processes; drawn if not given.
            refresh_s: How often our listeners are written anew.
            beat_s: How often to look whether Redis still knows us.
        """
        self._client = client
        self._local = local
        self._server_id = server_id or secrets.token_hex(8)
        self._refresh_s = refresh_s
        self._beat_s = beat_s
        self._listening: Counter[str] = Counter()
        self._registered: dict[str, int] = {}  # user → since when, in Unix seconds
        self._lost: dict[str, None] = {}  # users whom we could not tell, in order
        self._is_serving = False
        self._is_hearing = False
        self._must_repair = False
        client.when_back(self._tell_lost)

    async def publish(self, notice: Notice) -> None:
        await self._local.publish(notice)
        await self._tell(notice)

    def listen(self, user_id: str) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        return self._listen(user_id)

    def is_listening(self, user_id: str) -> bool:
        return self._local.is_listening(user_id)

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Hear what other processes publish, until the context is left."""
        is_ready = asyncio.Event()
        tasks = [
            asyncio.create_task(self._hear(is_ready), name="notices-hear"),
            asyncio.create_task(self._stay_known(), name="notices-stay-known"),
        ]
        await is_ready.wait()
        self._is_serving = True
        try:
            yield
        finally:
            self._is_serving = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Retryable, Misconfigured):
                await self._forget(list(self._registered))

    @asynccontextmanager
    async def _listen(self, user_id: str) -> AsyncGenerator[AsyncIterator[Notice]]:
        async with self._local.listen(user_id) as heard:
            self._listening[user_id] += 1
            try:
                # Known to all before anything is asked whose answer is waited for here.
                await self._register([user_id])
                yield heard
            finally:
                self._listening[user_id] -= 1
                if not self._listening[user_id]:
                    # Stays registered until the next refresh: who asks once asks again.
                    del self._listening[user_id]

    async def _tell(self, notice: Notice) -> None:
        key, told = f"ws:{notice.user_id}", _encoder.encode(notice)
        try:
            await self._client.call("EVAL", _PUBLISH, 1, key, self._server_id, LIVES_S, told)
        except Retryable as error:
            _logger.debug("notice.lost", reason=str(error))
            self._lost[notice.user_id] = None
            if len(self._lost) > MOST_LOST:
                del self._lost[next(iter(self._lost))]

    async def _tell_lost(self) -> None:
        """Have those told, now that Redis is back, who may have missed what we published."""
        lost, self._lost = self._lost, {}
        for group in _groups(lost):
            await asyncio.gather(*(self._tell(Missed(user_id=user_id)) for user_id in group))
            await asyncio.sleep(BETWEEN_S)

    async def _register(self, users: Sequence[str]) -> None:
        """Write that we listen to *users*, as far as it is not written already."""
        if not self._is_serving:
            return
        new = {user_id: int(time.time()) for user_id in users if user_id not in self._registered}
        try:
            await asyncio.gather(*(self._write(user_id, since) for user_id, since in new.items()))
        except Retryable:
            self._must_repair = True
        else:
            self._registered |= new

    async def _write(self, user_id: str, since: int) -> None:
        key = f"ws:{user_id}"
        await self._client.call("EVAL", _REGISTER, 1, key, self._server_id, since, LIVES_S)

    async def _forget(self, users: Sequence[str]) -> None:
        for user_id in users:
            self._registered.pop(user_id, None)
        for group in _groups(users):
            await asyncio.gather(
                *(self._client.call("HDEL", f"ws:{user_id}", self._server_id) for user_id in group)
            )

    async def _hear(self, is_ready: asyncio.Event) -> None:
        """Hand on what comes by our channel; subscribe again whenever it is lost."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._client.subscribed(f"server:{self._server_id}") as messages:
                    # Between two subscriptions anything may have been published.
                    self._must_repair = self._must_repair or is_ready.is_set()
                    self._is_hearing = True
                    is_ready.set()
                    pause_s = FIRST_PAUSE_S
                    async for message in messages:
                        await self._hand_on(message)
            except (Retryable, Misconfigured) as error:
                _logger.warning("notices.not-heard", reason=str(error))
                self._is_hearing = False
                is_ready.set()  # who listens here hears what is published here
                self._must_repair = True
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _hand_on(self, message: bytes) -> None:
        if not message:
            return  # a beat of our own
        try:
            notice = _decoder.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _logger.warning("notice.undecodable", reason=str(error))  # of a newer version
            return
        await self._local.publish(notice)

    async def _stay_known(self) -> None:
        """Refresh what Redis knows of us, and repair it soon when it was lost."""
        refresh_at = time.monotonic() + self._refresh_s
        is_first = True
        while True:
            with suppress(Retryable, Misconfigured):  # the channel says it
                is_known = await self._beat()
                self._must_repair |= not (is_known or is_first)
                if self._must_repair and self._is_hearing:
                    self._must_repair = False
                    await self._repair()
                elif time.monotonic() >= refresh_at:
                    await self._refresh()
                    refresh_at = time.monotonic() + self._refresh_s
                is_first = False
            await asyncio.sleep(self._beat_s)

    async def _beat(self) -> bool:
        """Say that we are there; return whether Redis remembers that we said so before."""
        mark = f"server:{self._server_id}"
        before, _ = await asyncio.gather(
            self._client.call("SET", mark, 1, "EX", LIVES_S, "GET"),
            self._client.call("PUBLISH", mark, b""),
        )
        return before is not None

    async def _refresh(self) -> None:
        await self._forget(
            [user_id for user_id in self._registered if not self._listening[user_id]]
        )
        for group in _groups(self._registered):
            since = self._registered
            await asyncio.gather(*(self._write(user_id, since[user_id]) for user_id in group))

    async def _repair(self) -> None:
        """Write all our listeners anew, and have them read what they may have missed."""
        self._registered.clear()
        for group in _groups(self._listening):
            await self._register(group)
            # Else there will be another repair: what comes after being told must be heard.
            for user_id in group if not self._must_repair else ():
                await self._local.publish(Missed(user_id=user_id))
            await asyncio.sleep(BETWEEN_S)


def _groups(users: Iterable[str]) -> Iterable[Sequence[str]]:
    every = list(users)
    return [every[at : at + AT_ONCE] for at in range(0, len(every), AT_ONCE)]
