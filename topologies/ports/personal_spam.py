"""What users taught us about their own mail by reporting it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

MOST_WEIGHTS = 4_000  # of one user


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What was learnt from one user's reports. Small: a row, read and written whole.

    Attributes:
        seq: The number of the last change of the mailbox that it was learnt from.
        reports: How many reports it was learnt from.
        weights: By hashed feature, in 1/256 of log-odds; at most ``MOST_WEIGHTS``.
    """

    seq: int = 0
    reports: int = 0
    weights: Mapping[int, int] = field(default_factory=dict[int, int])


class PersonalSpam(Protocol):
    """What was learnt from the reports of each user of one deployment."""

    async def of(self, user_id: str) -> Learnt:
        """Return what was learnt from a user, maybe as of a second ago. Asked for each mail.

        Raises:
            Retryable: Where it is kept is out of reach.
        """
        ...

    async def read(self, user_id: str) -> Learnt:
        """Return what was learnt from a user until now.

        Raises:
            Retryable: Where it is kept is out of reach.
        """
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user.

        Raises:
            Retryable: Where it is kept is out of reach.
        """
        ...

    async def keep(self, user_id: str, learnt: Learnt) -> None:
        """Keep *learnt*, once that is durable, unless what is kept has a higher ``seq``.

        Only the stage ``learn`` does, one change after the other for each user.

        Raises:
            NoSpace: There is no room for it.
            Retryable: Where it is kept is out of reach.
        """
        ...
