"""What becomes of users, by user."""

from datetime import datetime

from topologies.events.base import Event


class UserDeleted(Event, frozen=True, kw_only=True, tag="user.deleted/1"):
    """A user goes for good: nothing of theirs is to be left in any store."""

    user_id: str
    deleted_at: datetime  # UTC

    @property
    def key(self) -> str:
        return self.user_id
