"""How stages do, as all workers say it: a key of each process, which dies when it is silent.

`figures:{process}` holds JSON for ``KEPT_S``; the sorted set `figures` names the processes, by when
they were heard, so that nothing has to be scanned.
"""

from collections.abc import Mapping

import msgspec

from connectors.redis.client import RedisClient
from topologies.ports.clock import Clock
from topologies.ports.figures import StageFigures, together

KEPT_S = 30
NAMED_S = 600  # clocks of two machines may differ; who is silent is forgotten by its own key
MOST_PROCESSES = 5_000

_decoder = msgspec.json.Decoder(dict[str, StageFigures])
_encoder = msgspec.json.Encoder()


class RedisFigures:
    """The figures of one deployment."""

    def __init__(self, client: RedisClient, clock: Clock, *, names: str = "figures") -> None:
        """Use *client*, which its owner closes; *names* is the key of the set."""
        self._client = client
        self._clock = clock
        self._names = names

    async def tell(self, process: str, stages: Mapping[str, StageFigures]) -> None:
        now = int(self._clock.now().timestamp())
        # The figures first: a name without any says nothing.
        told = _encoder.encode(stages)
        await self._client.call("SET", f"{self._names}:{process}", told, "EX", str(KEPT_S))
        await self._client.call("ZADD", self._names, str(now), process)
        await self._client.call("ZREMRANGEBYSCORE", self._names, "-inf", str(now - NAMED_S))

    async def told(self) -> Mapping[str, StageFigures]:
        names = await self._client.call("ZREVRANGE", self._names, "0", str(MOST_PROCESSES - 1))
        if not names:
            return {}
        keys = [f"{self._names}:{name.decode()}" for name in names]
        found = await self._client.call("MGET", *keys)
        return together([_decoder.decode(each) for each in found if each is not None])
