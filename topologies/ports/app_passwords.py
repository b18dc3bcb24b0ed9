"""Passwords for one program each: what a mail client signs in with, so that it knows no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MOST_OF_USER = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPassword:
    """A password that a user has given to a program; the password itself is not kept."""

    password_id: str  # UUIDv7
    user_id: str
    name: str  # of the program, as its user calls it
    created_at: datetime


class AppPasswords(Protocol):
    """The app passwords of all users. They let mail be sent, and open nothing else."""

    async def add(self, user_id: str, name: str, at: datetime) -> tuple[AppPassword, str]:
        """Make a password; return it and its text, which nobody can be told again.

        Raises:
            ValueError: The user has ``MOST_OF_USER`` of them.
            NoSpace: There is no room for it.
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def of(self, user_id: str) -> Sequence[AppPassword]:
        """Return those of a user, the oldest first.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def found(self, user_id: str, text: str) -> AppPassword | None:
        """Return the user's password that *text* is, whatever its case and dashes; or None.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def remove(self, user_id: str, password_id: str) -> bool:
        """Make a password worthless; False if the user has none such.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...
