"""What is known of senders: kept in a table near the stream, shown to all by Redis.

The table is what counts are made from and is rebuilt from its changelog; what lies in Redis is a
copy for those who judge mail elsewhere, and comes back with each sender's next mail.
"""

import time
from collections import OrderedDict
from collections.abc import MutableMapping

import msgspec
import structlog

from connectors.redis.client import RedisClient
from topologies.errors import Retryable
from topologies.events import SenderJudged
from topologies.mail.reputation import HOURS, counted, total
from topologies.ports.clock import Clock
from topologies.ports.reputations import Reputation

ASKED_AGAIN_AFTER_S = 10.0
MOST_REMEMBERED = 10_000  # answers of Redis, of this process

_decoder = msgspec.json.Decoder(dict[int, tuple[int, int]])
_encoder = msgspec.json.Encoder()
_logger = structlog.get_logger("reputations")


class RedisReputations:
    """The reputations of one deployment."""

    def __init__(
        self, client: RedisClient, table: MutableMapping[str, bytes], clock: Clock
    ) -> None:
        """Count in *table*, and show by *client*.

        Args:
            client: Opened and closed by its owner.
            table: What is written by ``count`` alone; a process that only asks never reads it.
            clock: When the last day ends.
        """
        self._client = client
        self._table = table
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Reputation | None]] = OrderedDict()

    async def count(self, judged: SenderJudged) -> None:
        sender = judged.sender
        known = self._table.get(sender)
        hours = counted(
            _decoder.decode(known) if known else {}, judged.judged_at, is_bad=judged.is_bad
        )
        self._table[sender] = kept = _encoder.encode(hours)
        try:
            await self._client.call("SET", _key(sender), kept, "EX", str((HOURS + 1) * 3600))
        except Retryable as error:
            _logger.debug("not-shown", reason=str(error))  # the next mail of the sender shows it

    async def of(self, sender: str) -> Reputation | None:
        asked_at, known = self._answers.get(sender, (-ASKED_AGAIN_AFTER_S, None))
        now = time.monotonic()
        if now - asked_at < ASKED_AGAIN_AFTER_S:
            return known
        try:
            found = await self._client.call("GET", _key(sender))
        except Retryable:
            return known  # older, or nothing: mail is judged without it
        known = total(_decoder.decode(found), self._clock.now()) if found else None
        self._answers[sender] = (now, known)
        self._answers.move_to_end(sender)
        if len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        return known


def _key(sender: str) -> str:
    return f"sender:{sender}"
