"""Addresses that are not written to any more: they bounce, complained, or somebody said so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

SuppressionReason = Literal["bounce", "complaint", "unsubscribe", "manual"]
EVERYBODY = "*"  # the owner of what nobody of the deployment writes to
MAX_SUPPRESSIONS_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One entry of a suppression list.

    Attributes:
        owner: Whose list: a user's id, ``@domain`` for all who send in its name, or ``EVERYBODY``.
        target: An address in lower case, or ``@domain``.
        detail: What led to it, in words.
        until: From then on it counts no more; None: for good.
    """

    owner: str
    target: str
    reason: SuppressionReason
    detail: str = ""
    since: datetime
    until: datetime | None = None

    def holds_at(self, at: datetime) -> bool:
        """Tell whether it counts at this moment."""
        return self.until is None or at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionPage:
    """A stretch of a list, in an order of the store's."""

    suppressions: tuple[Suppression, ...]
    next_cursor: str | None  # opaque; None at the end


class Suppressions(Protocol):
    """All lists of a deployment."""

    async def add(self, suppression: Suppression) -> Suppression:
        """Keep *suppression*, or what is kept already if that holds for longer; return what is.

        Raises:
            Retryable: The store is out of reach.
        """
        ...

    async def remove(self, owner: str, target: str) -> bool:
        """Forget an entry; False if there is none."""
        ...

    async def among(
        self, owners: Sequence[str], targets: Sequence[str], at: datetime
    ) -> Mapping[str, Suppression]:
        """Return the entries that hold *at* a moment on one of the lists, by target."""
        ...

    async def page(
        self, owner: str, *, limit: int = 100, cursor: str | None = None
    ) -> SuppressionPage:
        """Return entries of one list, also those whose time is over and that are still kept.

        Raises:
            ValueError: The cursor is none of this listing.
        """
        ...
