"""Who is signed in from where: access tokens that last a while, refresh tokens that renew them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

Scope = Literal["read", "send", "admin"]

MOST_OF_USER = 500  # whoever signs in once more ends the oldest
LONGEST_CLIENT = 200  # characters that are kept of what a program calls itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a program is given to prove who it acts for; neither token is kept as it is.

    Attributes:
        expires_at: When the access token does.
        refresh_token: To be traded for new ones once; empty where none was asked for.
    """

    session_id: str  # UUIDv7
    access_token: str
    expires_at: datetime
    refresh_token: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """One program that is signed in.

    Attributes:
        client: What it calls itself.
        seen_on: The day (UTC) on which it was last seen.
        expires_at: When it has to sign in again if it is not seen until then.
    """

    session_id: str
    client: str
    scopes: frozenset[Scope]
    created_at: datetime
    seen_on: date
    expires_at: datetime


class Sessions(Protocol):
    """The sessions of all users. One that ends takes all its tokens with it.

    A new password, a suspension and a deletion of the user end their sessions (``Directory``).
    """

    async def begin(
        self,
        user_id: str,
        scopes: frozenset[Scope],
        *,
        client: str,
        access: timedelta,
        refresh: timedelta | None = None,
    ) -> Granted | None:
        """Sign a program in; None if the user may not, or is none.

        Args:
            user_id: Whose password it knew.
            scopes: What it may do.
            client: What it calls itself, of which ``LONGEST_CLIENT`` characters are kept.
            access: How long the access token lasts.
            refresh: How long the session lasts from each turn on; None: there is no refresh
                token, and the session lasts as long as the access token.

        Raises:
            NoSpace: There is no room for it.
            Retryable: Where they are kept is out of reach; nobody was given anything.
        """
        ...

    async def refresh(
        self,
        token: str,
        *,
        access: timedelta,
        refresh: timedelta,
        scopes: frozenset[Scope] | None = None,
    ) -> Granted | None:
        """Trade a refresh token for new ones (RFC 6749 §6); None if it is worth nothing.

        A token is good for one turn. Who shows one of an earlier turn holds a copy, or was
        copied: the session ends (RFC 9700 §4.14.2). Only whoever asks again within
        ``refresh_tokens.AGAIN`` of the turn is given the same refresh token again: its answer
        was lost on the way.

        Args:
            token: Whatever was shown.
            access: How long the new access token lasts.
            refresh: How long the session lasts from now on.
            scopes: Of the new access token; None: those of the session.

        Raises:
            ValueError: *scopes* are more than the session has; the token is not used up.
            Retryable: Where they are kept is out of reach; asking again is safe.
        """
        ...

    async def of(self, user_id: str) -> Sequence[SignedIn]:
        """Return those of a user that have not ended, the oldest first.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def end(self, user_id: str, session_id: str) -> bool:
        """End one session; False if the user has none such.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def revoke(self, token: str) -> None:
        """End the session that an access or refresh token is of; an unknown one is no error.

        A refresh token of an earlier turn ends it just as well (RFC 7009 §2.1).

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...
