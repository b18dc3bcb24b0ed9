"""Which mails users have put off, and of which they want to be reminded; and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from topologies.events import SENT

MOST_SNOOZED = 1_000  # of one user
KEPT_AFTER = timedelta(days=7)  # its time, so that whoever is late finds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """That a mail is out of sight for a while; or, of one that was sent, that it lacks an answer.

    Attributes:
        snooze_id: Of this wish; putting the mail off again makes another.
        until: When it comes back, or its sender is reminded.
        folder_id: Where it lay.
    """

    user_id: str
    email_id: str
    snooze_id: str
    until: datetime
    folder_id: str

    @property
    def is_reminder(self) -> bool:
        """True of a mail that was sent: it is never out of sight, it is waited for an answer."""
        return self.folder_id == SENT


class Snoozes(Protocol):
    """What is put off in a deployment; one wish a mail.

    Every method may raise ``Retryable``.
    """

    async def put(self, snooze: Snooze) -> None:
        """Keep *snooze* in place of one for the same mail; return once durable.

        What was over long ago is forgotten.

        Raises:
            ValueError: The user has ``MOST_SNOOZED`` others.
        """
        ...

    async def find(self, user_id: str, email_id: str) -> Snooze | None:
        """Return what is kept for a mail, maybe after its time; or None."""
        ...

    async def of(self, user_id: str) -> Sequence[Snooze]:
        """Return all of a user that are kept, the first that is due first."""
        ...

    async def remove(self, user_id: str, email_id: str, snooze_id: str) -> bool:
        """Forget a wish; False if it is not there any more, or another is in its place."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user."""
        ...
