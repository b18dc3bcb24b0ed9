"""A second factor for signing in: a secret that an app makes codes from, and codes for its loss."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """What is kept of a user's second factor.

    Attributes:
        secret: What codes are made from (RFC 6238), as bytes.
        is_on: It is asked for; else it was only told, and nobody has shown a code of it yet.
        last_step: The latest step whose code was used; one of it or before is worth nothing.
        recovery: Hashes of the recovery codes that are left.
    """

    user_id: str
    secret: bytes
    is_on: bool = False
    last_step: int = 0
    recovery: frozenset[bytes] = frozenset()
    created_at: datetime


class SecondFactors(Protocol):
    """The second factors of all users, one each. Each code is taken once, whoever else asks."""

    async def of(self, user_id: str) -> SecondFactor | None:
        """Return that of a user, or None; always as it is now.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def propose(
        self, user_id: str, secret: bytes, recovery: Collection[bytes], at: datetime
    ) -> bool:
        """Keep one that is not on yet, for whatever was proposed before; False if one is on.

        Raises:
            NoSpace: There is no room for it.
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def turn_on(self, user_id: str, secret: bytes, step: int) -> bool:
        """Ask for it from now on, if *secret* is the one proposed; *step* is used then.

        Returns:
            False if another was proposed meanwhile, or it is on.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...

    async def use_step(self, user_id: str, step: int) -> bool:
        """Note that the code of *step* was used; False if it or a later one was before.

        Raises:
            Retryable: Where they are kept is out of reach; the code may be used up.
        """
        ...

    async def use_recovery(self, user_id: str, code: bytes) -> bool:
        """Use up a recovery code, given its hash; False if it is none of those left.

        Raises:
            Retryable: Where they are kept is out of reach; the code may be used up.
        """
        ...

    async def remove(self, user_id: str) -> bool:
        """Forget it; False if the user had none.

        Raises:
            Retryable: Where they are kept is out of reach.
        """
        ...
