"""What a client's Idempotency-Key stands for, so that asking again sends no second mail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What was asked for under a key first.

    Attributes:
        mail_id: The id given to that mail; everything further is derived from it.
        submitted_at: When, in UTC.
        digest: SHA-256 of what was asked, to tell a repetition from another request.
    """

    mail_id: str
    submitted_at: datetime
    digest: bytes


class RequestKeys(Protocol):
    """The keys of all users, each kept for at least a day after its ``submitted_at``."""

    async def find(self, user_id: str, key: str) -> Claim | None:
        """Return what *key* was first used for by this user, or None.

        Raises:
            Retryable: The store is out of reach.
        """
        ...

    async def claim(self, user_id: str, key: str, fresh: Claim) -> Claim:
        """Keep *fresh* unless the key is taken; return what is kept, once that is durable.

        Of two who claim at once, both are given the same.

        Raises:
            NoSpace: The disk is full.
            Retryable: The store is out of reach.
        """
        ...
