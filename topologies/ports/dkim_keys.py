"""The keys that mail of our domains is signed with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """One key of a domain. Its representation does not show it.

    Attributes:
        domain: In ASCII and lower case.
        selector: Names it in the DNS: ``SELECTOR._domainkey.DOMAIN``.
        private_key: In PEM.
        signs_from: Mail that is submitted from then on is signed with it.
        signs_until: And before then; None: no end is set.
    """

    domain: str
    selector: str
    algorithm: Algorithm
    private_key: str = field(repr=False)
    created_at: datetime
    signs_from: datetime
    signs_until: datetime | None = None

    def signs_at(self, at: datetime) -> bool:
        """Return whether mail that was submitted *at* that moment is signed with it."""
        return self.signs_from <= at and (self.signs_until is None or at < self.signs_until)


class DkimKeys(Protocol):
    """The keys of all our domains. Who may read them may send in our name: the service alone.

    Keys are added before they are needed and kept after their time, so that the DNS can tell
    the public ones as long as mail that they have signed is on its way.
    """

    async def keys(self, domain: str) -> Sequence[DkimKey]:
        """Return all keys of *domain*, by selector. Asked for each mail, so it may be a second old.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def add(self, key: DkimKey) -> bool:
        """Keep *key*, once that is durable; False and no change if its selector is taken.

        Raises:
            NoSpace: There is no room for it.
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def end(self, domain: str, selector: str, at: datetime) -> bool:
        """Let a key sign nothing that is submitted from *at* on; False if there is none such.

        An earlier end stays.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def remove(self, domain: str, selector: str) -> bool:
        """Forget a key; False if there is none such.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...
