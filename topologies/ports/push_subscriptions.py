"""Which browsers of a user want to be told of new mail while the page is closed (RFC 8030)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

MOST_OF_USER = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """What one browser gave out.

    Attributes:
        subscription_id: Derived from *endpoint*: a browser that says it again is the same.
        endpoint: Where its push service takes messages; whoever knows it may send there.
        public_key: P-256, uncompressed: what messages are encrypted for (RFC 8291 §3.1).
        auth: The secret that goes into it, 16 bytes (RFC 8291 §3.2).
        name: The program, as it called itself.
    """

    subscription_id: str
    user_id: str
    endpoint: str = field(repr=False)
    public_key: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    name: str = ""
    created_at: datetime


class PushSubscriptions(Protocol):
    """The subscriptions of all users, a few of each.

    Every method may raise ``Retryable``, and ``put`` ``NoSpace``.
    """

    async def put(self, subscription: PushSubscription) -> None:
        """Keep one, in place of the one with its id; return once durable.

        Whoever has ``MOST_OF_USER`` loses the oldest: browsers that are gone say no word.
        """
        ...

    async def remove(self, user_id: str, subscription_id: str) -> bool:
        """Forget one; False if the user has none such."""
        ...

    async def of(self, user_id: str) -> Sequence[PushSubscription]:
        """Return those of a user, the oldest first."""
        ...

    async def told(self, user_id: str) -> Sequence[PushSubscription]:
        """Return those of a user; may be a second old. Asked for each mail that comes."""
        ...
