"""Whether a user may send one more mail now: asked before it is taken, by whichever way it comes.

Reads and counts at ``Limits``, reads ``Restraints``. A mail counts once for each ten recipients
begun, since it is people whom spam reaches. Who is throttled may send a tenth; who is suspended
nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from topologies.ports.directory import User
from topologies.ports.limits import Limits
from topologies.ports.policy import SendRates
from topologies.ports.restraints import Restraints

HOUR_S, DAY_S = 3_600.0, 86_400.0
RECIPIENTS_OF_ONE = 10
THROTTLED_TO = 10  # the part of the usual that is left


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What is left of one limit."""

    name: Literal["user", "user-day", "domain"]
    limit: int
    window_s: float
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The answer.

    Attributes:
        refused: Why not; empty: it may be sent, and is counted.
        reason: The same in words for the user.
        retry_after_s: When to try again; 0: nobody knows, or it may be sent.
        quotas: The limits that were asked, as far as one had room.
    """

    refused: Literal["", "rate", "suspended"] = ""
    reason: str = ""
    retry_after_s: float = 0.0
    quotas: Sequence[Quota] = ()


class Allowances:
    """The limits of one deployment."""

    def __init__(self, limits: Limits, restraints: Restraints, rates: SendRates) -> None:
        """Count at *limits*, to at most *rates*."""
        self._limits = limits
        self._restraints = restraints
        self._rates = rates

    async def ask(self, user: User, recipients: int) -> Allowance:
        """Count a mail to so many *recipients* if *user* may send it, and tell.

        Raises:
            Retryable: It is not known who is suspended.
        """
        restraint = await self._restraints.of(user.user_id)
        if restraint is not None and restraint.kind == "suspended":
            reason = f"sending is suspended for your account: {restraint.reason}"
            return Allowance(refused="suspended", reason=reason)
        part = THROTTLED_TO if restraint is not None else 1
        quotas: list[Quota] = []
        counted: list[tuple[str, float]] = []
        for name, key, limit, window_s in self._limits_of(user, part):
            left = limit
            for _ in range(_weight(recipients)):
                verdict = await self._limits.hit(key, limit, window_s)
                if not verdict.allowed:
                    await self._take_back(counted)
                    quotas.append(Quota(name=name, limit=limit, window_s=window_s, remaining=0))
                    return Allowance(
                        refused="rate",
                        reason="that is more mail than may be sent for now",
                        retry_after_s=verdict.retry_after_s,
                        quotas=quotas,
                    )
                counted.append((key, window_s))
                left = verdict.remaining
            quotas.append(Quota(name=name, limit=limit, window_s=window_s, remaining=left))
        return Allowance(quotas=quotas)

    async def take_back(self, user: User, recipients: int) -> None:
        """Say that a mail that was allowed came to nothing."""
        restraint = await self._restraints.of(user.user_id)
        limits = self._limits_of(user, THROTTLED_TO if restraint is not None else 1)
        await self._take_back(
            [(key, window_s) for _, key, _, window_s in limits] * _weight(recipients)
        )

    async def _take_back(self, counted: Sequence[tuple[str, float]]) -> None:
        for key, window_s in counted:
            await self._limits.take_back(key, window_s)

    def _limits_of(
        self, user: User, part: int
    ) -> Sequence[tuple[Literal["user", "user-day", "domain"], str, int, float]]:
        domain = user.address.rpartition("@")[2]
        rates = self._rates
        wanted: Sequence[tuple[Literal["user", "user-day", "domain"], str, int, float]] = (
            ("user", f"mail-out {user.user_id}", rates.user_per_hour, HOUR_S),
            ("user-day", f"mail-out {user.user_id}", rates.user_per_day, DAY_S),
            ("domain", f"mail-out of {domain}", rates.domain_per_hour, HOUR_S),
        )
        return [
            (name, key, max(1, limit // (part if name != "domain" else 1)), window_s)
            for name, key, limit, window_s in wanted
            if limit
        ]


def _weight(recipients: int) -> int:
    return max(1, math.ceil(recipients / RECIPIENTS_OF_ONE))
