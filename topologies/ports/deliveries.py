"""What became of mail for other systems: by mail for its sender, by destination for operators."""

from typing import Literal, Protocol

from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult

# What an operator, or the sender, has decided since about a delivery.
Order = Literal["go", "hold", "cancel", "bounce"]


class Deliveries(Protocol):
    """The state of each delivery and recipient. Not the queue itself: that is on the log."""

    async def order(self, due: DeliveryDue) -> Order:
        """Return what is to be done with *due*: nobody has said anything means ``go``."""
        ...

    async def told(self, delivery_id: str, attempt: int) -> tuple[RecipientResult, ...] | None:
        """Return the results of an attempt that was made already, or None.

        Asked before each attempt, since a record may be handed in twice.
        """
        ...

    async def tell(self, attempted: DeliveryAttempted) -> None:
        """Keep what an attempt came to; return when it is durable.

        Told right after the peer's answer by whoever tried, and once more by whoever reads the
        outcomes: the second time changes nothing. An older attempt never replaces a newer one.
        """
        ...
