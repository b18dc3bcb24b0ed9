"""Whom users wrote to, to be proposed when they write again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MOST_CONTACTS = 5_000  # of one user; beyond, those used least fall out


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody a user wrote to.

    Attributes:
        key: The form in which equal addresses are equal; see ``mail.mailbox_address``.
        address: As it was written last.
        name: As it was written last, with an address; maybe empty.
        own_name: As the user calls them; None: they did not say.
        uses: To how many mails they were a recipient.
        used_at: When the last one was sent.
    """

    key: str
    address: str
    name: str = ""
    own_name: str | None = None
    uses: int = 1
    used_at: datetime

    @property
    def shown_name(self) -> str:
        """What they are called: by the user, else by their mail."""
        return self.name if self.own_name is None else self.own_name


class Contacts(Protocol):
    """The contacts of all users of one deployment.

    Every method may raise ``Retryable``.
    """

    async def learn(self, user_id: str, seq: int, written_to: Sequence[Contact]) -> None:
        """Take note that a user wrote to somebody, once that is durable.

        Called for the mails of one user in the order of their *seq*, and maybe again for one
        that was learnt from: that changes nothing, nor brings back who was removed since.

        Args:
            user_id: Who wrote.
            seq: The number of the change that put the mail into their mailbox.
            written_to: Each recipient once, as after the first mail to them.

        Raises:
            NoSpace: There is no room for them.
        """
        ...

    async def find(self, user_id: str, sought: str = "", *, limit: int = 50) -> Sequence[Contact]:
        """Return contacts whom *sought* may mean, those used most and lately first.

        Args:
            user_id: Whose.
            sought: Beginnings of words of a name, or of parts of an address; empty: all.
            limit: How many at most.
        """
        ...

    async def rename(self, user_id: str, key: str, name: str) -> Contact | None:
        """Let a contact be called *name*, and return it; None if there is none such."""
        ...

    async def remove(self, user_id: str, key: str) -> bool:
        """Forget a contact until they are written to again; False if there is none such."""
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user."""
        ...
