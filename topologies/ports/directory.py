"""Who has a mailbox here: domains, users, aliases, sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from topologies.ports.sessions import Scope, Sessions

LEAST_PASSWORD_CHARACTERS = 8  # of one that is chosen, by whomever (NIST SP 800-63B §5.1.1.2)

__all__ = ["Directory", "Resolved", "Scope", "Session", "Target", "User", "UserPage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person or service with a mailbox."""

    user_id: str  # UUIDv7
    address: str  # primary address, normalised: lower case, domain in ASCII
    name: str = ""  # display name
    quota_bytes: int | None = None  # None: no limit
    is_admin: bool = False
    is_suspended: bool = False  # keeps receiving, may not sign in
    created_at: datetime
    deletes_at: datetime | None = None  # suspended until then, and to be deleted after


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """A stretch of the users.

    Attributes:
        after: Where the next stretch begins; empty: there is none.
    """

    users: Sequence[User]
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One mailbox that an address leads to."""

    user_id: str
    address: str  # the user's primary address
    tag: str = ""  # what stood behind "+", as written


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What an address means here.

    Attributes:
        status: ``local``: `targets` get a copy each. ``unknown``: our domain, but
            nobody of that name. ``foreign``: not our domain. ``invalid``: no address.
        forwards: Addresses of other systems that it leads to besides, or alone.
        members_only: Nobody but those whom it leads to may write to it.
    """

    status: Literal["local", "unknown", "foreign", "invalid"]
    targets: tuple[Target, ...] = ()
    forwards: tuple[str, ...] = ()
    members_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What an access token stands for; without an id if it is of a time without sessions."""

    user: User
    scopes: frozenset[Scope]
    expires_at: datetime
    session_id: str = ""
    seen_on: date | None = None  # the day (UTC) that is noted as the last it was seen on


class Directory(Protocol):
    """The directory of one deployment. Look-ups are cached for at most a second."""

    @property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        ...

    async def resolve(self, address: str) -> Resolved:
        """Tell what *address* means: exact, then alias, then plus-tag, then catch-all.

        Case of the local part and of the domain does not matter, quoted local
        parts equal unquoted ones, the domain may be in Unicode or punycode.
        An address of a domain that is an alias means what it means in the other one.
        Aliases are expanded to the end; loops end; each user appears once. One that leads
        too far is unknown, as serving a part of those would lose the mail of the others.
        Nobody's postmaster@ of our domains leads to the administrators (RFC 5321 §4.5.1).
        """
        ...

    async def user(self, user_id: str) -> User | None:
        """Return the user, or None."""
        ...

    async def user_by_address(self, address: str) -> User | None:
        """Return the user whose primary address this is, or None."""
        ...

    async def users(self, domain: str | None = None) -> Sequence[User]:
        """Return all users, of one *domain* if given, by address."""
        ...

    async def users_page(
        self, *, domain: str | None = None, after: str = "", limit: int
    ) -> UserPage:
        """Return at most *limit* users in an order that stays, each once however many are added.

        Args:
            domain: Of this one alone.
            after: That of the page before; empty: from the beginning.
            limit: At least 1.

        Raises:
            ValueError: *after* is of no page, or *domain* is no domain name.
        """
        ...

    async def domains(self) -> Sequence[str]:
        """Return our domains, in ASCII form, sorted."""
        ...

    async def aliases(self, domain: str | None = None) -> Sequence[tuple[str, tuple[str, ...]]]:
        """Return (alias address, target addresses); the local part ``*`` is a catch-all."""
        ...

    async def domain_aliases(self) -> Sequence[tuple[str, str]]:
        """Return (domain, the one of ours that it stands for), in ASCII form, sorted."""
        ...

    async def sign_in(self, address: str, password: str) -> User | None:
        """Return the user if the password is right and they may sign in, else None.

        Takes the same time whether or not the address exists.
        """
        ...

    async def session(self, token: str) -> Session | None:
        """Return what *token* stands for; None if unknown, expired, ended or suspended.

        Once a day it is noted that its session was seen.
        """
        ...

    async def add_domain(self, domain: str) -> bool:
        """Add a domain; return False if it was there.

        Raises:
            ValueError: It is no domain name, or an alias of another domain.
        """
        ...

    async def remove_domain(self, domain: str) -> bool:
        """Take no more mail for a domain that holds nothing; return False if it was none of ours.

        Raises:
            ValueError: It is no domain name, or holds users or aliases, or another stands for it.
        """
        ...

    async def add_domain_alias(self, alias: str, domain: str) -> bool:
        """Let every address of *alias* mean what it means in *domain*; False if it did so.

        Raises:
            ValueError: *domain* is none of ours or an alias itself, *alias* is a domain of its
                own, or one of them is no domain name.
        """
        ...

    async def remove_domain_alias(self, alias: str) -> bool:
        """Let *alias* be none of our domains any more; return False if it was none.

        Raises:
            ValueError: It is no domain name.
        """
        ...

    async def add_user(
        self,
        address: str,
        password: str,
        *,
        name: str = "",
        quota_bytes: int | None = None,
        is_admin: bool = False,
    ) -> User:
        """Add a user and return them.

        Args:
            address: The local part must need no quotes.
            password: 1 to 1,024 bytes.
            name: Display name.
            quota_bytes: None: as the deployment's default has it. 0: no limit.
            is_admin: May do what others may not, and gets the mail for postmaster.

        Raises:
            ValueError: The address is invalid, taken, or not of one of our domains, or
                the password is empty or too long.
        """
        ...

    async def change_user(
        self,
        user_id: str,
        *,
        password: str | None = None,
        quota_bytes: int | None = None,
        is_suspended: bool | None = None,
        keep_session: str = "",
    ) -> User | None:
        """Change what is not None; a new password or suspension ends the user's sessions.

        A quota of 0 is no limit. Who is suspended no more is not deleted either.

        Args:
            user_id: Who.
            password: 1 to 1,024 bytes.
            quota_bytes: How much the mailbox may hold.
            is_suspended: Whether they may not sign in.
            keep_session: The session, if any, that a new password does not end.

        Raises:
            ValueError: The password is empty or too long.
        """
        ...

    async def delete_later(self, user_id: str, at: datetime) -> User | None:
        """Suspend the user now and note that they are to be deleted *at*; None if unknown.

        ``change_user(is_suspended=False)`` undoes it. Mail comes in until then.
        """
        ...

    async def due(self, now: datetime) -> Sequence[User]:
        """Return the users whose time to be deleted has come; whoever asks deletes them."""
        ...

    async def delete_user(self, user_id: str) -> bool:
        """Remove the user, aliases that lead only there, and sessions."""
        ...

    async def add_alias(
        self, alias: str, targets: Sequence[str], *, members_only: bool = False
    ) -> None:
        """Let *alias* lead to *targets*, which are addresses; replaces what it led to.

        ``*@example.com`` is the catch-all of example.com. What leads to other systems is
        forwarded there.

        Args:
            alias: Of one of our domains.
            targets: Of any domain.
            members_only: It is a group to which those alone may write whom it leads to.

        Raises:
            ValueError: An address is invalid, the alias is not of our domains or is a user,
                or it would lead to more than 1,000 addresses or over more than 10 aliases.
        """
        ...

    async def remove_alias(self, alias: str) -> bool:
        """Let *alias* lead nowhere; return False if it did.

        Raises:
            ValueError: It is no address.
        """
        ...
