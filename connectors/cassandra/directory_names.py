"""What is held under a name, and who may have it: the tables `names`, `listed` and `leading`.

A name is claimed and given up by lightweight transactions: of two who want an address at once
one gets it, of two who change an alias at once neither undoes the other unseen. That is rare,
an administrator's work, and worth some milliseconds. What helps to find names is written
before them and removed after them, so that a crash in between leaves too much there, never too
little, and whoever reads it asks `names` whether it is still so. (Removals have a timestamp:
where clocks differ by more than the time between two changes of one alias by two processes,
that alias may be missing in lists, though mail for it is delivered, until it is changed again.)
"""

import time
from collections.abc import Collection, Iterable, Sequence
from typing import Literal
from zlib import crc32

from connectors.cassandra.session import CassandraSession, Row, Statement
from topologies.mail import local_names
from topologies.mail.local_names import POSTMASTER, Held

Kind = Literal["user", "alias", "domain", "admin", "domain alias", "leaving"]
Targets = tuple[str, ...]

EVERYWHERE = "."  # where domains and administrators are listed
BUCKETS = 256  # of one domain and kind, so that a domain of a billion users has no huge partition

_NAME = "SELECT user_id, targets FROM names WHERE name = ?"
_CLAIM = "UPDATE names SET user_id = ? WHERE name = ? IF user_id = null AND targets = null"
_GIVE_UP = "UPDATE names SET user_id = null WHERE name = ? IF user_id = ?"
_LEAD = "UPDATE names SET targets = ? WHERE name = ? IF user_id = null AND targets = ?"
_LIST = "INSERT INTO listed (domain, kind, bucket, name, user_id) VALUES (?, ?, ?, ?, ?)"
_LIST_BUCKET = "INSERT INTO listed_buckets (domain, kind, bucket) VALUES (?, ?, ?)"
_UNLIST = (
    "DELETE FROM listed USING TIMESTAMP ?"
    " WHERE domain = ? AND kind = ? AND bucket = ? AND name = ? AND user_id = ?"
)
_BUCKETS_OF = "SELECT bucket FROM listed_buckets WHERE domain = ? AND kind = ?"
_LISTED = "SELECT name, user_id FROM listed WHERE domain = ? AND kind = ? AND bucket = ?"
_LISTED_AFTER = (
    "SELECT name, user_id FROM listed WHERE domain = ? AND kind = ? AND bucket = ?"
    " AND (name, user_id) > (?, ?) LIMIT ?"
)
_LEADS = "INSERT INTO leading (target, alias) VALUES (?, ?)"
_LEADS_NO_MORE = "DELETE FROM leading USING TIMESTAMP ? WHERE target = ? AND alias = ?"
_LEADING = "SELECT alias FROM leading WHERE target = ?"


class Names:
    """The names of one deployment, always as they are now."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def held(self, names: Collection[str]) -> dict[str, Held]:
        """Return what is held under those of *names* that exist."""
        asked = [name for name in names if name != POSTMASTER]
        found = await self._ask([(_NAME, (name,)) for name in asked])
        held = {
            name: Held("" if name.startswith("@") else user_id or "", tuple(targets or ()))
            for name, rows in zip(asked, found, strict=True)
            for user_id, targets in rows
            if user_id or targets
        }
        if POSTMASTER in names and (admins := await self.listed(EVERYWHERE, "admin")):
            addresses = await self._still_theirs(admins)
            held |= {POSTMASTER: Held(targets=addresses)} if addresses else {}
        return held

    async def claim(self, name: str, user_id: str) -> bool:
        """Let *name* be *user_id*'s unless it is anybody's or an alias; return whether it is."""
        [[is_done, *_]] = await self._session.execute(_CLAIM, (user_id, name))
        # The driver may have asked twice, and the first time done it.
        return is_done or await self.owner(name) == user_id

    async def owner(self, name: str) -> str | None:
        """Return the user whose address *name* is, or None."""
        for user_id, _ in await self._session.execute(_NAME, (name,)):
            return user_id
        return None

    async def give_up(self, name: str, user_id: str) -> None:
        """Let *name* be nobody's if it is *user_id*'s."""
        await self._session.execute(_GIVE_UP, (name, user_id))

    async def lead(self, alias: str, before: Targets, after: Targets) -> bool:
        """Let *alias* lead to *after*; return False if it led elsewhere than *before* by now."""
        # Removed is what was there before this moment: not what a later change adds again.
        moment_us = time.time_ns() // 1_000
        if after:
            await self._ask(
                self._listing(alias, "alias", "") + [(_LEADS, (t, alias)) for t in found_by(after)]
            )
        values = (list(after) or None, alias, list(before) or None)
        [[is_done, *_]] = await self._session.execute(_LEAD, values)
        if not is_done:
            held = (await self.held([alias])).get(alias, Held())
            if held != Held(targets=after):
                return False
        lost = found_by(before) - found_by(after)
        await self._ask(
            [(_LEADS_NO_MORE, (moment_us, target, alias)) for target in lost]
            + ([] if after else [self._unlisting(alias, "alias", "", moment_us)])
        )
        return True

    async def lead_domain(self, alias: str, before: Targets, after: Targets) -> bool:
        """Let the domain *alias* stand for another, as ``lead`` does for addresses."""
        moment_us = time.time_ns() // 1_000
        name = f"@{alias}"
        if after:
            await self._ask(self._listing(alias, "domain alias", "", of=EVERYWHERE))
        values = (list(after) or None, name, list(before) or None)
        [[is_done, *_]] = await self._session.execute(_LEAD, values)
        if not is_done and (await self.held([name])).get(name, Held()) != Held(targets=after):
            return False
        if not after:
            unlisting = self._unlisting(alias, "domain alias", "", moment_us, of=EVERYWHERE)
            await self._ask([unlisting])
        return True

    async def leading(self, names: Collection[str]) -> dict[str, dict[str, Targets]]:
        """Return, for each of *names*, the aliases to it, or to it with a plus-tag."""
        asked = list(names)
        rows = await self._ask([(_LEADING, (name,)) for name in asked])
        aliases = [[alias for [alias] in found] for found in rows]
        held = await self.held({alias for found in aliases for alias in found})
        return {
            name: {
                alias: held[alias].targets
                for alias in found
                if alias in held and name in found_by(held[alias].targets)
            }
            for name, found in zip(asked, aliases, strict=True)
        }

    async def list_user(self, address: str, user_id: str, *, is_admin: bool) -> None:
        """Write where to find a user, before they are one."""
        admin = self._listing(address, "admin", user_id, of=EVERYWHERE) if is_admin else []
        await self._ask([*self._listing(address, "user", user_id), *admin])

    async def unlist_user(self, address: str, user_id: str) -> None:
        """Remove where to find a user, who is none any more or never was."""
        moment_us = time.time_ns() // 1_000
        await self._ask(
            [
                self._unlisting(address, "user", user_id, moment_us),
                self._unlisting(address, "admin", user_id, moment_us, of=EVERYWHERE),
                self._unlisting(address, "leaving", user_id, moment_us, of=EVERYWHERE),
            ]
        )

    async def list_leaving(self, address: str, user_id: str) -> None:
        """Write where to find a user who is to be deleted, before they are."""
        await self._ask(self._listing(address, "leaving", user_id, of=EVERYWHERE))

    async def unlist_leaving(self, address: str, user_id: str) -> None:
        """Remove where to find a user who is not to be deleted any more."""
        moment_us = time.time_ns() // 1_000
        await self._ask([self._unlisting(address, "leaving", user_id, moment_us, of=EVERYWHERE)])

    async def list_domain(self, domain: str) -> None:
        """Write where to find a domain."""
        await self._ask(self._listing(domain, "domain", "", of=EVERYWHERE))

    async def unlist_domain(self, domain: str) -> None:
        """Remove where to find a domain that is none of ours any more."""
        moment_us = time.time_ns() // 1_000
        await self._ask([self._unlisting(domain, "domain", "", moment_us, of=EVERYWHERE)])

    async def buckets_of(self, domain: str, kind: Kind) -> list[int]:
        """Return the buckets in which something of a kind is or was listed, in order."""
        return sorted(b for [b] in await self._session.execute(_BUCKETS_OF, (domain, kind)))

    async def listed_after(
        self, domain: str, kind: Kind, bucket: int, after: tuple[str, str], limit: int
    ) -> list[tuple[str, str]]:
        """Return at most *limit* (name, user_id) of one bucket, in order, beyond *after*."""
        key = (domain, kind, bucket, *after, limit)
        return [(name, user) for name, user in await self._session.execute(_LISTED_AFTER, key)]

    async def listed(self, domain: str, kind: Kind) -> list[tuple[str, str]]:
        """Return (name, user_id) of what is listed, by name; some may be no more."""
        buckets = await self._session.execute(_BUCKETS_OF, (domain, kind))
        found = await self._ask([(_LISTED, (domain, kind, bucket)) for [bucket] in buckets])
        return sorted((name, user_id) for rows in found for name, user_id in rows)

    async def _still_theirs(self, users: Sequence[tuple[str, str]]) -> Targets:
        held = await self.held([address for address, _ in users])
        return tuple(a for a, user_id in users if held.get(a, Held()).user_id == user_id)

    def _listing(
        self, name: str, kind: Kind, user_id: str, *, of: str | None = None
    ) -> list[Statement]:
        domain, bucket = _place(name, of)
        return [
            (_LIST_BUCKET, (domain, kind, bucket)),
            (_LIST, (domain, kind, bucket, name, user_id)),
        ]

    def _unlisting(
        self, name: str, kind: Kind, user_id: str, moment_us: int, *, of: str | None = None
    ) -> Statement:
        domain, bucket = _place(name, of)
        return _UNLIST, (moment_us, domain, kind, bucket, name, user_id)

    async def _ask(self, statements: Sequence[Statement]) -> list[list[Row]]:
        return await self._session.execute_all(statements) if statements else []


def found_by(targets: Iterable[str]) -> set[str]:
    """Return the names by which an alias to *targets* is found."""
    addresses = local_names.shown(tuple(targets))
    return {name for t in addresses for name in (t, local_names.untagged(t)) if name}


def _place(name: str, of: str | None) -> tuple[str, int]:
    """Return the domain and the bucket that *name* is listed in."""
    domain = name.rpartition("@")[2] if of is None else of
    return domain, crc32(name.encode()) % BUCKETS
