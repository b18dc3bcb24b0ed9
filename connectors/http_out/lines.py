"""How many messages a webhook is given at once, and which webhooks are silent.

Messages of one webhook stand in one line: a few are under way, some wait for them, and whoever
comes beyond that is put off; for one that is slow, nobody waits. So it takes little room from the
others. One that lets us wait and does not answer is not asked again for a while; then one message
tries, and the others wait for what it finds out.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

MOST_AT_ONCE = 8
MOST_WAITING = 24
BUSY_FOR_S = 5.0
SLOW_S = 2.0  # who fails sooner than that takes no room, who answers later is slow
SILENT_FOR_S = 60.0
MOST_KEPT = 50_000


class Full(Exception):
    """It is not this message's turn; says why, and for how long that may last."""

    def __init__(self, reason: str, for_s: float) -> None:
        super().__init__(reason)
        self.for_s = for_s


@dataclass(slots=True)
class _Line:
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))
    length: int = 0  # under way, and waiting


@dataclass(slots=True)
class _Silence:
    reason: str
    until: float


class Lines:
    """By webhook."""

    def __init__(
        self, *, slow_s: float = SLOW_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nobody.

        Args:
            slow_s: Who fails after that long is silent, who answers then is slow.
            now: Tells the time in seconds, from whenever.
        """
        self._slow_s = slow_s
        self._now = now
        self._lines: dict[str, _Line] = {}
        self._silent: OrderedDict[str, _Silence] = OrderedDict()
        self._slow: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def place(self, webhook_id: str) -> AsyncGenerator[None]:
        """Wait for a place, and have it.

        Raises:
            Full: There is none, or the webhook is silent.
        """
        line = self._lines.setdefault(webhook_id, _Line())
        waiting = 0 if webhook_id in self._slow else MOST_WAITING
        if line.length >= MOST_AT_ONCE + waiting:
            raise Full("it takes no more at once", BUSY_FOR_S)
        line.length += 1
        try:
            async with line.room:
                self._check(webhook_id)
                yield
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[webhook_id]

    def fared(self, webhook_id: str, failure: str, took_s: float) -> None:
        """Take note of how a message fared; *failure* is empty if it was answered."""
        self._slow.pop(webhook_id, None)
        self._silent.pop(webhook_id, None)
        if took_s < self._slow_s:
            return
        self._slow[webhook_id] = None
        if failure:
            self._silent[webhook_id] = _Silence(failure, self._now() + SILENT_FOR_S)
        for kept in (self._slow, self._silent):
            while len(kept) > MOST_KEPT:
                kept.popitem(last=False)

    def _check(self, webhook_id: str) -> None:
        """Raise Full while it is silent; after that, let one in."""
        if (silence := self._silent.get(webhook_id)) is None:
            return
        now = self._now()
        if now < silence.until:
            raise Full(f"it was not asked, since lately: {silence.reason}", silence.until - now)
        silence.until = now + SILENT_FOR_S
