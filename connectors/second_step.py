"""The second step of signing in: a code of the user's app, or one for whoever has lost it.

Who guesses has ten tries an hour for each user, from wherever: with three of a million codes good
at a time, a year of guessing finds one in four.
"""

from datetime import datetime

from connectors.one_time_codes import recovery_hash, step_of
from topologies.ports.limits import Limits
from topologies.ports.second_factors import SecondFactor, SecondFactors

FAILURES = 10
WINDOW_S = 3_600.0


class TooManyCodes(Exception):
    """No code is looked at for now.

    Attributes:
        wait_s: For how long.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s:.0f} s")
        self.wait_s = wait_s


async def is_right(
    factors: SecondFactors, limits: Limits, kept: SecondFactor, code: str, now: datetime
) -> bool:
    """Tell whether *code* is a good one, and use it up.

    Args:
        factors: Where it is noted that it was used.
        limits: Where wrong ones are counted.
        kept: The user's second factor, which is on.
        code: Whatever was typed.
        now: What time it is.

    Raises:
        TooManyCodes: It was not even looked at.
        Retryable: It can't be told now; the code may be used up.
    """
    key = f"second factor {kept.user_id}"
    verdict = await limits.hit(key, FAILURES, WINDOW_S)
    if not verdict.allowed:
        raise TooManyCodes(verdict.retry_after_s)
    try:
        is_good = await _used(factors, kept, code, now)
    except BaseException:
        await limits.take_back(key, WINDOW_S)  # nobody knows if it was right
        raise
    if is_good:
        await limits.take_back(key, WINDOW_S)
    return is_good


async def _used(factors: SecondFactors, kept: SecondFactor, code: str, now: datetime) -> bool:
    step = step_of(kept.secret, code, now, last_step=kept.last_step)
    if step is not None:
        return await factors.use_step(kept.user_id, step)
    hashed = recovery_hash(code)
    return hashed is not None and await factors.use_recovery(kept.user_id, hashed)
