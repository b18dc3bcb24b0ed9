"""Mail that users sent for later and that waits: a copy of each, by its user.

It goes out from the log, whatever is kept here: this is for whoever asks what waits.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from topologies.events import MailHeld

KEPT_AFTER = timedelta(days=7)  # its time, by when it is decided what became of it
MAX_SCHEDULED_PAGE = 100


class Scheduled(Protocol):
    """What waits in a deployment; each mail by the id that its copy in Sent will have.

    Every method may raise ``Retryable``.
    """

    async def put(self, mail: MailHeld) -> None:
        """Keep *mail*, in place of what is kept of it; return once durable.

        What was over long ago is forgotten.

        Raises:
            NoSpace: The disk is full.
        """
        ...

    async def page(
        self, user_id: str, *, after: str = "", limit: int = MAX_SCHEDULED_PAGE
    ) -> Sequence[MailHeld]:
        """Return up to *limit* of a user by email_id, of those beyond *after*.

        Some may be sent by now.
        """
        ...

    async def remove(self, user_id: str, email_id: str) -> None:
        """Forget a mail, if it is there."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user."""
        ...
