"""A relay that sends nothing: for tests. What peers answer is said beforehand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

from topologies.events import DeliveryDue, RecipientResult
from topologies.ports.relay import PutOff, Read


class MemoryRelay:
    """Takes every mail, but for recipients of whom something else is known."""

    def __init__(self, answers: Mapping[str, RecipientResult] | None = None) -> None:
        """Keep *answers*, by recipient; who has none gets 250."""
        self.answers: dict[str, RecipientResult] = dict(answers or {})
        self.put_off: PutOff | None = None
        self.sent: list[tuple[str, bytes]] = []  # recipient and message, in order
        self.ways: list[str] = []  # by which each was tried; empty: by its own hosts
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def turn(self, delivery_id: str) -> AsyncGenerator[None]:
        async with self._turns[delivery_id]:
            yield

    async def deliver(
        self, due: DeliveryDue, read: Read, *, via: str = ""
    ) -> Sequence[RecipientResult] | PutOff:
        self.ways.append(via)
        if self.put_off is not None:
            return self.put_off
        raw = await read()
        results = [self.answers.get(each, _taken(each)) for each in due.recipients]
        self.sent += [(r.recipient, raw) for r in results if r.status == "delivered"]
        return results


def _taken(recipient: str) -> RecipientResult:
    return RecipientResult(recipient=recipient, status="delivered", code=250, enhanced="2.0.0")
