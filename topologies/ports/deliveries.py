"""What became of mail for other systems: by mail for its sender, by destination for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from topologies.events import DeliveryAttempted, DeliveryDue, RecipientResult

# What an operator, or the sender, has decided since about a delivery.
Order = Literal["go", "hold", "cancel", "bounce"]
RecipientState = Literal["pending", "delivered", "deferred", "failed"]
MAX_QUEUE_PAGE = 500
KEPT = timedelta(days=90)  # that of a mail; then it is forgotten


@dataclass(frozen=True, slots=True)
class Orders:
    """What is to be done with a delivery.

    Attributes:
        via: HOST or HOST:PORT that takes it in place of its destination's own; empty: those.
    """

    order: Order = "go"
    via: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientView:
    """How it stands with one recipient.

    Attributes:
        attempt: The last one that tried this recipient; 0: none did yet.
        code: The peer's SMTP reply code; 0: it never answered.
        enhanced: RFC 3463, the peer's or ours.
        text: The peer's words, or ours where it had none.
        host: Who answered.
        tls: Protocol version and cipher; empty: clear text, or it came to none.
        is_late: The peer took the mail at that attempt, and a bounce said otherwise later.
    """

    recipient: str
    state: RecipientState = "pending"
    attempt: int = 0
    attempted_at: datetime | None = None
    next_try_at: datetime | None = None
    code: int = 0
    enhanced: str = ""
    text: str = ""
    host: str = ""
    tls: str = ""
    is_late: bool = False

    @property
    def is_open(self) -> bool:
        """True while there is no final answer."""
        return self.state in ("pending", "deferred")

    @property
    def rank(self) -> int:
        """Of two views the one with the higher rank counts."""
        return 2 * self.attempt + self.is_late


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How it stands with the recipients of a mail at one domain."""

    delivery_id: str
    mail_id: str
    user_id: str
    submitted_at: datetime
    mail_from: str
    destination: str
    kind: Literal["sent", "forwarded", "answer", "report"] = "sent"
    order: Order = "go"
    via: str = ""  # where it goes in place of the destination's own hosts
    recipients: tuple[RecipientView, ...] = ()  # by address

    @property
    def attempt(self) -> int:
        """The last attempt that was made; 0: none was."""
        return max((each.attempt for each in self.recipients), default=0)

    @property
    def attempted_at(self) -> datetime | None:
        """When that was."""
        return max((e.attempted_at for e in self.recipients if e.attempted_at), default=None)

    @property
    def next_try_at(self) -> datetime | None:
        """When the next one is planned; None: there is nobody to be tried any more."""
        return min(
            (e.next_try_at for e in self.recipients if e.is_open and e.next_try_at), default=None
        )

    @property
    def is_open(self) -> bool:
        """True while somebody has no final answer."""
        return any(each.is_open for each in self.recipients)

    @property
    def state(self) -> Literal["held", RecipientState]:
        """How it stands with the one who has waited longest, or fared worst."""
        states = {each.state for each in self.recipients}
        if self.is_open and self.order == "hold":
            return "held"
        for state in _WORST_FIRST:
            if state in states:
                return state
        return "pending"


_WORST_FIRST: tuple[RecipientState, ...] = ("deferred", "pending", "failed", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """Which deliveries of the queue; what is empty leaves none out.

    Attributes:
        user_id: In whose name they were sent.
        sender: The reverse-path.
        state: ``open``: all that wait, held ones too.
        submitted_before: Those that wait for longer alone.
    """

    destination: str = ""
    user_id: str = ""
    sender: str = ""
    state: Literal["open", "deferred", "held", "pending", "failed"] = "open"
    submitted_before: datetime | None = None

    def lets(self, delivery: Delivery) -> bool:
        """Tell whether *delivery* is one of them."""
        is_wanted = delivery.is_open if self.state == "open" else delivery.state == self.state
        return (
            is_wanted
            and self.destination in ("", delivery.destination)
            and self.user_id in ("", delivery.user_id)
            and self.sender in ("", delivery.mail_from)
            and (self.submitted_before is None or delivery.submitted_at < self.submitted_before)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A stretch of the queue, oldest first; maybe an empty one, with more to come."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None  # opaque; None at the end


class Deliveries(Protocol):
    """The state of each delivery and recipient. Not the queue itself: that is on the log."""

    async def orders(self, due: DeliveryDue) -> Orders:
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
        What is told late is no attempt: it replaces what the attempt of that number came to.
        """
        ...

    async def expect(self, due: DeliveryDue) -> None:
        """Keep that recipients are to be tried; of those known already, change nothing."""
        ...

    async def of_mail(self, mail_id: str) -> Sequence[Delivery]:
        """Return the deliveries of a mail by destination; none: there are none, or not any more."""
        ...

    async def find(self, delivery_id: str) -> Delivery | None:
        """Return one, or None."""
        ...

    async def give(self, delivery_id: str, order: Order) -> bool:
        """Keep *order* for what is still to be tried; False if nothing of it is.

        ``go`` takes an order back.
        """
        ...

    async def reroute(self, delivery_id: str, via: str) -> bool:
        """Let what is still to be tried go to *via*; False if nothing of it is.

        It is beside the order: what is held stays so. Empty takes it back.
        """
        ...

    async def queue(
        self, wanted: QueueFilter, *, limit: int = 100, cursor: str | None = None
    ) -> QueuePage:
        """Return deliveries that took more than one moment: deferred, failed, or under an order.

        What was never tried and has no order is on the log, and is found by its mail alone.
        What was submitted weeks ago is left out.

        Raises:
            ValueError: The cursor is none of this listing.
        """
        ...
