"""Who was here before, for all processes: `seen:{key}`, the time of the first visit, to live."""

from datetime import UTC, datetime, timedelta
from math import ceil

from connectors.redis.client import RedisClient
from topologies.ports.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# seen:… | now in ms, to be kept for so many ms → the first time in ms
_SEE = """
local first = redis.call('GET', KEYS[1])
if not first then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return first
"""


class RedisSeen:
    """What one deployment saw. What Redis loses costs somebody a wait."""

    def __init__(self, client: RedisClient, clock: Clock) -> None:
        """Use *client*, which is closed by whoever opened it."""
        self._client = client
        self._clock = clock

    async def when(self, key: str) -> datetime | None:
        found = await self._client.call("GET", f"seen:{key}")
        return None if found is None else _EPOCH + int(found) * _MILLISECOND

    async def see(self, key: str, kept_s: float) -> datetime:
        now_ms = (self._clock.now() - _EPOCH) // _MILLISECOND
        first = await self._client.call(
            *("EVAL", _SEE, 1, f"seen:{key}", now_ms, ceil(1000 * kept_s))
        )
        return _EPOCH + int(first) * _MILLISECOND
