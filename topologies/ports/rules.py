"""What users want done with the mail that comes to them, and what they write as."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

MOST_SCRIPTS = 10  # of one user
MOST_FORWARDED_TO = 5  # addresses of the simple forwarding
MOST_BLOCKED = 1_000  # senders of one user
MOST_IDENTITIES = 20  # of one user
BlockedTo = Literal["spam", "trash"]  # the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveScript:
    """A script by its name (RFC 5228)."""

    name: str
    source: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayNotice:
    """An answer while the user is away, without a script.

    Attributes:
        days: No sender is answered again before that many have passed.
        starts_at: None: it has begun.
        ends_at: None: until it is switched off.
    """

    is_on: bool = False
    subject: str = ""
    text: str = ""
    days: int = 7
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def holds_at(self, at: datetime) -> bool:
        """Return whether mail that comes *at* that moment is answered."""
        is_over = self.ends_at is not None and at >= self.ends_at
        return self.is_on and (self.starts_at is None or self.starts_at <= at) and not is_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """That all mail goes on to other addresses, without a script."""

    is_on: bool = False
    addresses: tuple[str, ...] = ()
    keeps_copy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedSender:
    """Somebody whose mail the user does not want to see.

    Attributes:
        target: An address, or ``@domain``; see ``mail.blocking``.
        into: Where their mail goes.
    """

    target: str
    into: BlockedTo = "spam"
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An address that a user writes as (RFC 8621 §6).

    Attributes:
        address: As the directory writes it.
        name: In From; empty: none.
        signature: What clients put below a text.
    """

    address: str
    name: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRules:
    """All rules of one user.

    Attributes:
        active: The name of the script that is run; empty: none is.
        blocked: The newest first.
        identities: In the order in which they were set; the user's own address need not be there.
        version: How often they were changed.
    """

    scripts: tuple[SieveScript, ...] = ()
    active: str = ""
    away: AwayNotice = AwayNotice()
    forwarding: Forwarding = Forwarding()
    blocked: tuple[BlockedSender, ...] = ()
    identities: tuple[Identity, ...] = ()
    version: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done with any mail."""
        is_one_on = self.active or self.away.is_on or self.forwarding.is_on or self.blocked
        return not is_one_on

    @property
    def in_use(self) -> "UserRules":
        """These without what is of no use to mail that comes: scripts that are not active."""
        used = tuple(each for each in self.scripts if each.name == self.active)
        is_all = len(used) == len(self.scripts) and not self.identities
        return self if is_all else replace(self, scripts=used, identities=())

    def script(self, name: str) -> SieveScript | None:
        """Return the script called *name*, or None."""
        return next((each for each in self.scripts if each.name == name), None)


class Rules(Protocol):
    """The rules of all users of one deployment."""

    async def of(self, user_id: str) -> UserRules:
        """Return a user's rules ``in_use``, maybe as they were a second ago.

        Asked for each mail.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def read(self, user_id: str) -> UserRules:
        """Return a user's rules as they are now.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def erase(self, user_id: str) -> None:
        """Forget everything about a user.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def write(self, user_id: str, rules: UserRules) -> bool:
        """Replace a user's rules, once that is durable, if nobody else has meanwhile.

        Args:
            user_id: Whose.
            rules: Their version is the one that they were read with; kept is the next.

        Returns:
            False if they have another version by now: nothing was changed.

        Raises:
            NoSpace: There is no room for them.
            Retryable: Where they are kept is out of reach.
        """
        ...
