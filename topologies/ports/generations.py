"""Mailboxes that can be made anew: a user's next one beside the one in use.

A user's first mailbox has the number 0. The next one is filled from the log while the first
is in use, and takes its place by the command ``UseMailbox``, between two other commands.
"""

from collections.abc import Mapping
from typing import Protocol

from topologies.ports.mailboxes import Mailboxes


class Generations(Mailboxes, Protocol):
    """All mailboxes in use; and, for whoever rebuilds them, those that are not."""

    async def generation(self, user_id: str) -> int:
        """Return the number of the mailbox that *user_id* uses now."""
        ...

    def numbered(self, generations: Mapping[str, int]) -> Mailboxes:
        """Return the mailboxes of these users that have these numbers, used or not."""
        ...

    async def fill(self, user_id: str, generation: int, command_id: str) -> None:
        """Say that a mailbox holds all that was commanded before ``UseMailbox`` *command_id*.

        Until that is said, ``load`` for that command raises ``Retryable``.
        """
        ...
