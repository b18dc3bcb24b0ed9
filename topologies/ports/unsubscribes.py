"""Which mails users asked to get no more like, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

UnsubscribeWay = Literal["one-click", "mail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """That a user wants no more mail of the kind of one.

    Attributes:
        way: How the sender is told: by a POST (RFC 8058), or by a mail.
        to: Who is told: a host, or an address.
        state: Asked; done, since the sender took it; refused, or it never answered.
        detail: What the sender answered last, in words.
        attempts: How often the sender was asked.
        tried_at: When it was asked last; None: it was not.
        next_try_at: When it is asked again; None: it is not.
    """

    user_id: str
    email_id: str
    way: UnsubscribeWay
    to: str
    state: Literal["asked", "done", "refused"] = "asked"
    asked_at: datetime
    settled_at: datetime | None = None
    detail: str = ""
    attempts: int = 0
    tried_at: datetime | None = None
    next_try_at: datetime | None = None


class Unsubscribes(Protocol):
    """All such wishes of a deployment; one a mail.

    Every method may raise ``Retryable``.
    """

    async def ask(self, wish: Unsubscribe) -> Unsubscribe:
        """Keep *wish* unless there is one for its mail; return what is kept, once durable."""
        ...

    async def find(self, user_id: str, email_id: str) -> Unsubscribe | None:
        """Return what is kept for a mail, or None."""
        ...

    async def of(self, user_id: str) -> Sequence[Unsubscribe]:
        """Return all of a user, in the order of the ids of their mails."""
        ...

    async def note(self, wish: Unsubscribe) -> None:
        """Keep *wish* in place of the one for its mail, once durable; nothing if there is none."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user."""
        ...
