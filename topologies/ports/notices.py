"""Telling whoever is listening that a mailbox changed: sockets, waiting requests.

A notice is a hint that something can be read: losing one loses nothing, since
every listener can catch up from its cursor.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from topologies.events.mailbox import CommandAnswered, MailboxChanged


class Missed(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="notices.missed/1"):
    """Notices may have been lost: whoever listens reads on from its cursor.

    Told by the hub itself once it hears again, never to be published by others. It is not
    on the log.
    """

    user_id: str


Notice = MailboxChanged | CommandAnswered | Missed


class Notices(Protocol):
    """Publish and subscribe by user, at most once, in order for each user."""

    async def publish(self, notice: Notice) -> None:
        """Hand *notice* to all who listen to its user now. Never waits for a reader."""
        ...

    def listen(self, user_id: str) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        """Listen from the moment the context is entered until it is left.

        A reader that falls more than 1,000 notices behind is cut off: its
        iterator ends, and it must catch up from its cursor.
        """
        ...

    def is_listening(self, user_id: str) -> bool:
        """Tell whether anybody listens to *user_id*, as far as this process knows."""
        ...
