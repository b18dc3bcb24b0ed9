"""The users, page by page: domain by domain, and in each bucket by bucket.

No partition is read further than the page needs, however many users there are. A place in the
order names its domain, bucket, address and user, so that nothing is left out or told twice
whatever is added or removed meanwhile.
"""

from collections.abc import AsyncGenerator, Sequence

from connectors.cassandra.directory_names import Names
from connectors.cassandra.directory_users import Users
from topologies.mail.local_names import Held
from topologies.ports.directory import User, UserPage

_SEPARATOR = "\t"  # stands in no domain and no address
_Place = tuple[str, int, str, str]


async def users_page(
    names: Names, accounts: Users, domains: Sequence[str], after: str, limit: int
) -> UserPage:
    """Return at most *limit* users of *domains*, from the place *after* on.

    Raises:
        ValueError: *after* is no place.
        Retryable: The store is out of reach.
    """
    begin = _read(after) if after else ("", -1, "", "")
    found: list[tuple[_Place, User]] = []
    async for place, user in _users(names, accounts, domains, begin, limit + 1):
        found.append((place, user))
        if len(found) > limit:
            return UserPage(
                users=[user for _, user in found[:limit]], after=_text_of(found[limit - 1][0])
            )
    return UserPage(users=[user for _, user in found])


async def _users(
    names: Names, accounts: Users, domains: Sequence[str], begin: _Place, at_once: int
) -> AsyncGenerator[tuple[_Place, User]]:
    for domain in sorted(domains):
        if domain < begin[0]:
            continue
        for bucket in await names.buckets_of(domain, "user"):
            if (domain, bucket) < begin[:2]:
                continue
            after = begin[2:] if (domain, bucket) == begin[:2] else ("", "")
            while listed := await names.listed_after(domain, "user", bucket, after, at_once):
                for address, user in await _there(names, accounts, listed):
                    yield (domain, bucket, address, user.user_id), user
                after = listed[-1]


async def _there(
    names: Names, accounts: Users, listed: Sequence[tuple[str, str]]
) -> list[tuple[str, User]]:
    """Return those of *listed* whose address is theirs still."""
    held = await names.held([address for address, _ in listed])
    theirs = {u: a for a, u in listed if held.get(a, Held()).user_id == u}
    kept = await accounts.get_all(theirs)
    return [(theirs[user_id], each.user) for user_id, each in kept.items()]


def _text_of(place: _Place) -> str:
    return _SEPARATOR.join(map(str, place))


def _read(after: str) -> _Place:
    domain, *rest = after.split(_SEPARATOR)
    if len(rest) != 3 or not rest[0].isdecimal() or len(rest[0]) > 5:
        raise ValueError("it is no next_cursor of this listing")
    return domain, int(rest[0]), rest[1], rest[2]
