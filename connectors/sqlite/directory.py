"""The directory in one SQLite file.

Writes and reads `directory.db`. Look-ups go by key and are cached for less than a second,
so that a change by another process (the command line) is seen that soon; one made
here is seen at once. What an address leads to is decided by ``topologies.mail.local_names``.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from connectors.passwords import Passwords
from connectors.recent import Recent
from connectors.sqlite import directory_domains as domain_rows
from connectors.sqlite import directory_rows as rows
from connectors.sqlite.database import Database
from connectors.sqlite.directory_rows import MIGRATIONS
from connectors.sqlite.sessions import SqliteSessions
from connectors.tokens import hash_of
from topologies.errors import Retryable
from topologies.mail import local_names, mailbox_address
from topologies.mail.ids import new_id
from topologies.ports.clock import Clock
from topologies.ports.directory import Resolved, Session, User, UserPage

__all__ = ["MIGRATIONS", "SqliteDirectory"]

T = TypeVar("T")


class SqliteDirectory:
    """The directory of one deployment."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        default_quota_bytes: int,
        passwords: Passwords | None = None,
    ) -> None:
        """Use *database*, which was opened with ``MIGRATIONS``.

        Args:
            database: Closed by whoever opened it.
            clock: Tells when users were made, tokens expire and look-ups are too old.
            default_quota_bytes: Of users added without one; 0: no limit.
            passwords: How passwords are kept; by default as safely as they should be.
        """
        self._database = database
        self._clock = clock
        self._default_quota_bytes = default_quota_bytes
        self._passwords = passwords or Passwords()
        self._resolved: Recent[str, Resolved] = Recent(clock)
        self._users: Recent[str, User] = Recent(clock)
        self._sessions: Recent[bytes, Session] = Recent(clock)
        self.sessions = SqliteSessions(database, clock, self._forget)

    async def resolve(self, address: str) -> Resolved:
        known = self._resolved.get(address)
        if known is None:
            known = self._database.read_now(
                lambda c: local_names.answered(
                    local_names.resolve(address), lambda names: rows.held(c, names)
                )
            )
            if known.status != "invalid":  # those can be long, and cost no look-up
                self._resolved.put(address, known)
        return known

    async def user(self, user_id: str) -> User | None:
        known = self._users.get(user_id)
        if known is None:
            known = self._database.read_now(lambda c: rows.user(c, user_id))
            if known is not None:
                self._users.put(user_id, known)
        return known

    async def user_by_address(self, address: str) -> User | None:
        found = self._by_address(address)
        return found[0] if found else None

    async def users(self, domain: str | None = None) -> Sequence[User]:
        name = None if domain is None else mailbox_address.domain_in_ascii(domain)
        return await self._database.read(lambda c: rows.users(c, name))

    async def users_page(
        self, *, domain: str | None = None, after: str = "", limit: int
    ) -> UserPage:
        name = None if domain is None else mailbox_address.domain_in_ascii(domain)
        users = await self._database.read(lambda c: rows.users_page(c, name, after, limit + 1))
        page = users[:limit]
        return UserPage(users=page, after=page[-1].address if len(users) > limit else "")

    async def domains(self) -> Sequence[str]:
        return self._database.read_now(rows.domains)

    async def aliases(self, domain: str | None = None) -> Sequence[tuple[str, tuple[str, ...]]]:
        name = None if domain is None else mailbox_address.domain_in_ascii(domain)
        return await self._database.read(lambda c: rows.aliases(c, name))

    async def domain_aliases(self) -> Sequence[tuple[str, str]]:
        return self._database.read_now(domain_rows.domain_aliases)

    async def sign_in(self, address: str, password: str) -> User | None:
        before = self._by_address(address)
        hashed = before[1] if before else None
        if not await self._passwords.fits(password, hashed) or hashed is None:
            return None
        after = self._by_address(address)  # that took a while: is it still so?
        if after is None or after[1] != hashed or after[0].is_suspended:
            return None
        user, _ = after
        if self._passwords.is_outdated(hashed):
            renewed = await self._passwords.hash(password)
            await self._write(lambda c: rows.rehash(c, user.user_id, hashed, renewed))
        return user

    async def session(self, token: str) -> Session | None:
        if (hashed := hash_of(token)) is None:
            return None
        known = self._sessions.get(hashed)
        if known is None:
            known = self._database.read_now(lambda c: rows.session(c, hashed))
            if known is None:
                return None
            self._sessions.put(hashed, known)
        if known.user.is_suspended or known.expires_at <= self._clock.now():
            return None
        return await self._seen(hashed, known)

    async def add_domain(self, domain: str) -> bool:
        name = mailbox_address.domain_in_ascii(domain)
        return await self._write(lambda c: rows.add_domain(c, name))

    async def remove_domain(self, domain: str) -> bool:
        name = mailbox_address.domain_in_ascii(domain)
        return await self._write(lambda c: domain_rows.remove_domain(c, name))

    async def add_domain_alias(self, alias: str, domain: str) -> bool:
        name, other = map(mailbox_address.domain_in_ascii, (alias, domain))
        return await self._write(lambda c: domain_rows.add_domain_alias(c, name, other))

    async def remove_domain_alias(self, alias: str) -> bool:
        name = mailbox_address.domain_in_ascii(alias)
        return await self._write(lambda c: domain_rows.remove_domain_alias(c, name))

    async def add_user(
        self,
        address: str,
        password: str,
        *,
        name: str = "",
        quota_bytes: int | None = None,
        is_admin: bool = False,
    ) -> User:
        parsed = local_names.user_address(address)
        hashed = await self._passwords.hash(password)
        quota = self._default_quota_bytes if quota_bytes is None else quota_bytes
        now = self._clock.now()
        user = User(
            user_id=new_id(now),
            address=parsed.key,
            name=name,
            quota_bytes=quota or None,
            is_admin=is_admin,
            created_at=now,
        )

        def add(connection: sqlite3.Connection) -> None:
            held = rows.held(connection, local_names.names_to_check([parsed]))
            local_names.check_user(parsed, held)
            rows.add_user(connection, user, hashed)

        await self._write(add)
        return user

    async def change_user(
        self,
        user_id: str,
        *,
        password: str | None = None,
        quota_bytes: int | None = None,
        is_suspended: bool | None = None,
        keep_session: str = "",
    ) -> User | None:
        hashed = None if password is None else await self._passwords.hash(password)
        return await self._write(
            lambda c: rows.change_user(
                c,
                user_id,
                password=hashed,
                quota_bytes=quota_bytes,
                is_suspended=is_suspended,
                keep_session=keep_session,
            )
        )

    async def delete_later(self, user_id: str, at: datetime) -> User | None:
        return await self._write(lambda c: rows.delete_later(c, user_id, at))

    async def due(self, now: datetime) -> Sequence[User]:
        return await self._database.read(lambda c: rows.due(c, now))

    async def delete_user(self, user_id: str) -> bool:
        return await self._write(lambda c: rows.delete_user(c, user_id))

    async def add_alias(
        self, alias: str, targets: Sequence[str], *, members_only: bool = False
    ) -> None:
        parsed = mailbox_address.parse(alias)
        leads_to = local_names.targets_of(targets)

        def add(connection: sqlite3.Connection) -> None:
            look_up = partial(rows.held, connection)
            held = look_up(local_names.names_to_check([parsed, *leads_to]))
            local_names.check_alias(parsed, leads_to, held)
            kept = local_names.kept(leads_to, members_only=members_only)
            rows.set_alias(connection, parsed.key, kept)
            local_names.check_growth(parsed.key, partial(rows.leading_to, connection), look_up)

        await self._write(add)

    async def remove_alias(self, alias: str) -> bool:
        key = mailbox_address.parse(alias).key
        return await self._write(lambda c: domain_rows.remove_alias(c, key))

    def _by_address(self, address: str) -> tuple[User, str] | None:
        try:
            key = mailbox_address.parse(address).key
        except ValueError:
            return None
        return self._database.read_now(lambda c: rows.user_and_password(c, key))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.write(work)
        finally:  # also when it was cancelled, since then it may be written all the same
            self._forget()

    async def _seen(self, hashed: bytes, session: Session) -> Session:
        """Note once a day that a session was seen."""
        today = self._clock.now().date()
        if not session.session_id or session.seen_on == today:
            return session
        seen = replace(session, seen_on=today)
        self._sessions.put(hashed, seen)
        with suppress(Retryable):  # what is told of sessions keeps nobody from their mail
            await self.sessions.see(session.session_id)
        return seen

    def _forget(self) -> None:
        for cache in (self._resolved, self._users, self._sessions):
            cache.clear()
