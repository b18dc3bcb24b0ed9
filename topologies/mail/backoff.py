"""When a delivery that was deferred is tried again, and when it is given up (RFC 5321 §4.5.4.1)."""

import hashlib
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(days=3)  # since the mail was submitted
_FIRST_WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
_LONG, _SHORT = timedelta(hours=4), timedelta(hours=2)
SHORT_ONE_IN = 4


def wait_after(attempt: int, delivery_id: str) -> timedelta:
    """Return how long to wait after the *attempt*-th try, from 1.

    From the fifth on four hours, but now and then two: which ones is a matter of *delivery_id*,
    so that what was deferred together does not come back together for days.
    """
    if attempt <= len(_FIRST_WAITS):
        return _FIRST_WAITS[max(1, attempt) - 1]
    digest = hashlib.sha256(f"{delivery_id}/{attempt}".encode()).digest()
    return _SHORT if digest[0] % SHORT_ONE_IN == 0 else _LONG


def next_wait(
    attempt: int, delivery_id: str, *, submitted_at: datetime, attempted_at: datetime
) -> timedelta | None:
    """Return how long to wait after the *attempt*-th try; None: the time is used up."""
    wait = wait_after(attempt, delivery_id)
    return wait if attempted_at + wait <= submitted_at + GIVE_UP_AFTER else None
