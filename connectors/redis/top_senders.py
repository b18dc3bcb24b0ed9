"""Who sends most by the hour: windows in a table near the stream, the tops shown by Redis.

The table is what counts are made from, and is rebuilt from its changelog. In Redis each hour has a
sorted set of its senders by mails, and one by bad ones, kept as long as the hour is; they come
back with each sender's next mail, or with a replay of `tally_senders`.
"""

from collections.abc import MutableMapping, Sequence
from datetime import datetime

import msgspec
import structlog

from connectors.redis.client import RedisClient
from topologies.errors import Retryable
from topologies.events import SenderJudged
from topologies.mail.sender_windows import HOURS, counted, hour_of, packed, size, unpacked
from topologies.ports.top_senders import MOST_SHOWN, SenderCount

KEPT_S = (HOURS + 1) * 3600

_decoder = msgspec.json.Decoder(dict[int, tuple[str, str]])
_encoder = msgspec.json.Encoder()
_logger = structlog.get_logger("top-senders")


class RedisTopSenders:
    """The windows of one deployment."""

    def __init__(
        self,
        client: RedisClient,
        table: MutableMapping[str, bytes],
        *,
        names: str = "senders",
    ) -> None:
        """Count in *table*, and show by *client*.

        Args:
            client: Opened and closed by its owner.
            table: What is written by ``count`` alone; a process that only asks never reads it.
            names: Before the keys in Redis.
        """
        self._client = client
        self._table = table
        self._names = names

    async def count(self, judged: SenderJudged) -> None:
        sender, hour = judged.sender, hour_of(judged.judged_at)
        known = self._table.get(sender)
        before = {
            each: (unpacked(mails), unpacked(bad))
            for each, (mails, bad) in (_decoder.decode(known) if known else {}).items()
        }
        hours = counted(before, judged.judged_at, judged.mail_id, is_bad=judged.is_bad)
        if hours != before:
            texts = {each: (packed(mails), packed(bad)) for each, (mails, bad) in hours.items()}
            self._table[sender] = _encoder.encode(texts)
        if hour not in hours:
            return  # it is too late
        mails, bad = hours[hour]
        try:
            await self._show(hour, sender, size(mails), size(bad))
        except Retryable as error:
            _logger.debug("not-shown", reason=str(error))  # the sender's next mail shows it

    async def top(self, hour: datetime, limit: int = 20) -> Sequence[SenderCount]:
        key = self._key(hour_of(hour))
        last = str(min(limit, MOST_SHOWN) - 1)
        found = await self._client.call("ZREVRANGE", key, "0", last, "WITHSCORES")
        pairs = _pairs(found)
        if not pairs:
            return []
        names = [sender for sender, _ in pairs]
        bad = await self._client.call("ZMSCORE", f"{key}:bad", *names)
        counts = [
            SenderCount(sender=sender, mails=mails, bad=int(float(each)) if each else 0)
            for (sender, mails), each in zip(pairs, bad, strict=True)
        ]
        return sorted(counts, key=lambda each: (-each.mails, each.sender))

    async def _show(self, hour: int, sender: str, mails: int, bad: int) -> None:
        key = self._key(hour)
        for name, count in ((key, mails), (f"{key}:bad", bad)):
            if count:
                await self._client.call("ZADD", name, str(count), sender)
                # Counts only grow, so who falls off the end comes back when it has more.
                await self._client.call("ZREMRANGEBYRANK", name, "0", str(-MOST_SHOWN - 1))
                await self._client.call("EXPIRE", name, str(KEPT_S))

    def _key(self, hour: int) -> str:
        return f"{self._names}:{hour}"


def _pairs(found: Sequence[object]) -> list[tuple[str, int]]:
    """Return names and scores, however the client's protocol has them."""
    pairs: list[tuple[str, int]] = []
    flat: list[object] = []
    for each in found:
        flat += each if isinstance(each, (list, tuple)) else [each]
    for name, score in zip(flat[::2], flat[1::2], strict=True):
        text = name.decode() if isinstance(name, bytes) else str(name)
        number = score.decode() if isinstance(score, bytes) else str(score)
        pairs.append((text, int(float(number))))
    return pairs
