"""Keys of a domain made, and replaced by others without a gap (RFC 6376 §3.1, M3AAWG's advice).

A domain has one key of each algorithm at a time. New ones are told in the DNS before they sign,
and old ones after, as long as mail signed with them may be on its way. Reads and writes
``DkimKeys``; which moment it is, the caller says.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from topologies.mail import dkim_private
from topologies.ports.dkim_keys import Algorithm, DkimKey, DkimKeys

ALGORITHMS: tuple[Algorithm, ...] = ("ed25519-sha256", "rsa-sha256")
TOLD_BEFORE = timedelta(days=2)  # what a DNS record takes at most to be seen everywhere
TOLD_AFTER = timedelta(days=7)  # mail is tried for three days, and read by others after

_SHORT: dict[Algorithm, str] = {"ed25519-sha256": "ed", "rsa-sha256": "rsa"}


async def first_keys(keys: DkimKeys, domain: str, now: datetime) -> Sequence[DkimKey]:
    """Return the keys of *domain*, made if it has none.

    Raises:
        NoSpace: There is no room for them.
        Retryable: The store is out of reach.
    """
    if not await keys.keys(domain):
        # Two who do this at once choose the same selectors, so that one of them wins.
        await _add(keys, domain, now, signs_from=now)
    return await keys.keys(domain)


async def rotate(
    keys: DkimKeys, domain: str, now: datetime, told_before: timedelta = TOLD_BEFORE
) -> Sequence[DkimKey]:
    """Make new keys that sign from *told_before* on, when the old ones end; return all.

    Keys whose time is over for so long that nobody asks for them any more are forgotten.

    Raises:
        NoSpace: There is no room for them.
        Retryable: The store is out of reach.
    """
    for key in await keys.keys(domain):
        if key.signs_until is not None and key.signs_until + TOLD_AFTER <= now:
            await keys.remove(domain, key.selector)
    before = await keys.keys(domain)
    at = now + told_before if before else now
    await _add(keys, domain, now, signs_from=at)
    for key in before:  # last: after a crash in between there are more keys than needed, not fewer
        await keys.end(domain, key.selector, at)
    return await keys.keys(domain)


def is_told(key: DkimKey, now: datetime) -> bool:
    """Return whether the DNS has to tell *key*."""
    return key.signs_until is None or now < key.signs_until + TOLD_AFTER


async def _add(keys: DkimKeys, domain: str, now: datetime, *, signs_from: datetime) -> None:
    taken = {key.selector for key in await keys.keys(domain)}
    for algorithm in ALGORITHMS:
        made = DkimKey(
            domain=domain,
            selector=_free(f"{_SHORT[algorithm]}{now:%Y%m%d}", taken),
            algorithm=algorithm,
            # An RSA key takes a moment to be found.
            private_key=await asyncio.to_thread(dkim_private.make, algorithm),
            created_at=now,
            signs_from=signs_from,
        )
        await keys.add(made)


def _free(selector: str, taken: set[str]) -> str:
    number = 1
    name = selector
    while name in taken:
        number += 1
        name = f"{selector}-{number}"
    return name
