"""Limits that all processes share: `limit:{hash of key and window}`, a hash of counts by slice.

The key is hashed, since it may hold addresses and be long. What is read and counted is so in
one script, so that of many at once no more are allowed than of many in a row. Without
Redis each process counts for itself.
"""

from hashlib import blake2b
from math import ceil, floor

import structlog

from connectors.redis.client import RedisClient
from topologies.errors import Retryable
from topologies.ports.clock import Clock
from topologies.ports.limits import Limits, Verdict

SLICES = 10  # of a window; the slice that began before it counts in full

# limit:… | the slice, the first slice that counts, the limit, time to live in ms
# → 1, how many are left; or 0, the slice whose end makes room
_HIT = """
local found = redis.call('HGETALL', KEYS[1])
local first, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local total, slices = 0, {}
for i = 1, #found, 2 do
    local at, count = tonumber(found[i]), tonumber(found[i + 1])
    if at < first then
        redis.call('HDEL', KEYS[1], found[i])
    else
        total = total + count
        slices[#slices + 1] = {at, count}
    end
end
if total < limit then
    redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return {1, limit - total - 1}
end
table.sort(slices, function(a, b) return a[1] < b[1] end)
local last = tonumber(ARGV[1])
for _, slice in ipairs(slices) do
    last = slice[1]
    total = total - slice[2]
    if total < limit then break end
end
return {0, last}
"""
# limit:…
_TAKE_BACK = """
local found = redis.call('HGETALL', KEYS[1])
local last = nil
for i = 1, #found, 2 do
    local at = tonumber(found[i])
    if tonumber(found[i + 1]) > 0 and (last == nil or at > last) then last = at end
end
if last then redis.call('HINCRBY', KEYS[1], string.format('%.0f', last), -1) end
"""

_logger = structlog.get_logger("limits")


class RedisLimits:
    """The limits of one deployment."""

    def __init__(self, client: RedisClient, clock: Clock, *, otherwise: Limits) -> None:
        """Use *client*, which is closed by whoever opened it.

        Args:
            client: On the Redis that all processes share.
            clock: Tells which slice of a window it is.
            otherwise: Who counts while Redis is out of reach.
        """
        self._client = client
        self._clock = clock
        self._otherwise = otherwise
        self._is_told = False  # that Redis is out of reach

    async def hit(self, key: str, limit: int, window_s: float) -> Verdict:
        slice_s = window_s / SLICES
        now_s = self._clock.now().timestamp()
        current = floor(now_s / slice_s)
        lives_ms = ceil(1000 * (window_s + slice_s))
        try:
            is_allowed, rest = await self._client.call(
                *("EVAL", _HIT, 1, _name(key, window_s)),
                *(current, current - SLICES, limit, lives_ms),
            )
        except Retryable as error:
            self._tell(error)
            return await self._otherwise.hit(key, limit, window_s)
        self._is_told = False
        if is_allowed:
            return Verdict(allowed=True, remaining=rest)
        return Verdict(allowed=False, retry_after_s=(rest + SLICES + 1) * slice_s - now_s)

    async def take_back(self, key: str, window_s: float) -> None:
        try:
            await self._client.call("EVAL", _TAKE_BACK, 1, _name(key, window_s))
        except Retryable as error:
            self._tell(error)
            await self._otherwise.take_back(key, window_s)

    def _tell(self, error: Retryable) -> None:
        if not self._is_told:
            self._is_told = True
            _logger.warning("limits.not-shared", reason=str(error))


def _name(key: str, window_s: float) -> str:
    text = f"{window_s:g} {key}".encode("utf-8", "surrogatepass")
    return f"limit:{blake2b(text, digest_size=20).hexdigest()}"
