"""What users may do less of than others, for a while or until an administrator says otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

RestraintKind = Literal["throttled", "suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restraint:
    """A user may send less, or nothing.

    Attributes:
        reason: In words that the user may read.
        until: When it ends by itself; None: when an administrator lifts it.
    """

    user_id: str
    kind: RestraintKind
    since: datetime
    reason: str
    until: datetime | None = None

    def holds_at(self, at: datetime) -> bool:
        """Return whether it has not ended by itself."""
        return self.until is None or at < self.until


class Restraints(Protocol):
    """The restraints of one deployment, at most one of each user."""

    async def of(self, user_id: str) -> Restraint | None:
        """Return the restraint that holds for a user now, or None. May be a second old.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def put(self, restraint: Restraint) -> None:
        """Keep *restraint*, once that is durable. A suspension is not replaced by a throttling.

        Raises:
            NoSpace: There is no room for it.
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def lift(self, user_id: str) -> bool:
        """Let a user send as all others; False if they could.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def all(self) -> Sequence[Restraint]:
        """Return those that hold now, by user.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...
