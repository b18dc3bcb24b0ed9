"""Who brings mail to other systems."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from topologies.events import DeliveryDue, RecipientResult


@dataclass(frozen=True, slots=True)
class PutOff:
    """Nobody was asked, since it is not this mail's turn.

    Attributes:
        reason: In words that an operator may read.
        for_s: How long that may last, in seconds.
    """

    reason: str
    for_s: float = 60.0


# Gives the message, when it is about to be sent: many deliveries wait, and a message may be large.
Read = Callable[[], Awaitable[bytes]]


class Relay(Protocol):
    """Tries deliveries. Never raises for what a peer, the network or the DNS does."""

    def turn(self, delivery_id: str) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else in this process works on *delivery_id*; keep others waiting.

        A record may be there twice, and both may be worked on at the same time.
        """
        ...

    async def deliver(
        self, due: DeliveryDue, read: Read, *, via: str = ""
    ) -> Sequence[RecipientResult] | PutOff:
        """Try once to bring the message to all recipients; return what became of each.

        May take minutes with a slow peer, but not for one that was found dead a moment ago:
        its mail is deferred at once. What is put off was not tried and counts as no attempt.
        What *read* raises goes on. With *via*, HOST or HOST:PORT, that host is asked in place
        of those of the destination.
        """
        ...
