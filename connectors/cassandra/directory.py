"""The directory in Cassandra: look-ups by key, changes that hold whoever else changes.

Decides the order of what is written, so that a crash at any point leaves a directory that
is whole: a user is there once their name leads to them, and gone once it does not.
What an address leads to is decided by ``topologies.mail.local_names``. Look-ups are cached
for less than a second, so that a change by another process is seen that soon; one made here
is seen at once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from secrets import token_hex
from uuid import uuid4

from connectors.cassandra.directory_aliases import Aliases
from connectors.cassandra.directory_lately import Lately
from connectors.cassandra.directory_names import EVERYWHERE, Names
from connectors.cassandra.directory_pages import users_page
from connectors.cassandra.directory_users import Kept, Users
from connectors.cassandra.session import CassandraSession
from connectors.cassandra.sessions import CassandraSessions
from connectors.passwords import Passwords
from connectors.recent import Recent
from topologies.errors import Retryable
from topologies.mail import local_names, mailbox_address
from topologies.mail.ids import new_id
from topologies.mail.local_names import Held
from topologies.ports.clock import Clock
from topologies.ports.directory import Resolved, Session, User, UserPage


class CassandraDirectory:
    """The directory of one deployment."""

    def __init__(
        self,
        session: CassandraSession,
        clock: Clock,
        *,
        default_quota_bytes: int,
        passwords: Passwords | None = None,
    ) -> None:
        """Use *session*, on a keyspace with all tables; whoever opened it closes it.

        Args:
            session: On the keyspace.
            clock: Tells when users were made, tokens expire and look-ups are too old.
            default_quota_bytes: Of users added without one; 0: no limit.
            passwords: How passwords are kept; by default as safely as they should be.
        """
        self._names = Names(session)
        self._aliases = Aliases(self._names)
        self._accounts = Users(session)
        self._clock = clock
        self._default_quota_bytes = default_quota_bytes
        self._passwords = passwords or Passwords()
        self._held: Recent[str, tuple[Held, ...]] = Recent(clock)  # empty: nothing
        self.sessions = CassandraSessions(session, clock, self._forget)
        self._lately = Lately(self._accounts, self.sessions, clock)
        self._changes = 0

    async def resolve(self, address: str) -> Resolved:
        question = local_names.resolve(address)
        try:
            asked = next(question)
            while True:
                asked = question.send(await self._held_lately(asked))
        except StopIteration as end:
            return end.value

    async def user(self, user_id: str) -> User | None:
        kept = await self._lately.user(user_id)
        return kept.user if kept else None

    async def user_by_address(self, address: str) -> User | None:
        kept = await self._by_address(address)
        return kept.user if kept else None

    async def users(self, domain: str | None = None) -> Sequence[User]:
        users: list[User] = []
        for name in await self._domains_asked_for(domain):
            listed = await self._names.listed(name, "user")
            held = await self._names.held([address for address, _ in listed])
            there = [u for address, u in listed if held.get(address, Held()).user_id == u]
            users += [kept.user for kept in (await self._accounts.get_all(there)).values()]
        return sorted(users, key=lambda user: user.address)

    async def users_page(
        self, *, domain: str | None = None, after: str = "", limit: int
    ) -> UserPage:
        domains = await self._domains_asked_for(domain)
        return await users_page(self._names, self._accounts, domains, after, limit)

    async def domains(self) -> Sequence[str]:
        return [domain for domain, _ in await self._names.listed(EVERYWHERE, "domain")]

    async def aliases(self, domain: str | None = None) -> Sequence[tuple[str, tuple[str, ...]]]:
        aliases: list[tuple[str, tuple[str, ...]]] = []
        for name in await self._domains_asked_for(domain):
            aliases += await self._aliases.of(name)
        return sorted(aliases)

    async def domain_aliases(self) -> Sequence[tuple[str, str]]:
        return await self._aliases.domains()

    async def sign_in(self, address: str, password: str) -> User | None:
        before = await self._by_address(address)
        hashed = before.password if before else None
        if not await self._passwords.fits(password, hashed) or hashed is None:
            return None
        after = await self._by_address(address)  # that took a while: is it still so?
        if after is None or after.password != hashed or after.user.is_suspended:
            return None
        if self._passwords.is_outdated(hashed):
            renewed = await self._passwords.hash(password)
            await self._accounts.rehash(after.user.user_id, hashed, renewed)
        return after.user

    async def session(self, token: str) -> Session | None:
        return await self._lately.session(token)

    async def add_domain(self, domain: str) -> bool:
        name = mailbox_address.domain_in_ascii(domain)
        try:
            is_new = await self._names.claim(f"@{name}", token_hex(8))
            if not is_new:
                local_names.check_domain(name, await self._names.held([f"@{name}"]))
            await self._names.list_domain(name)  # also if a crash kept it from that before
        finally:
            self._forget()
        return is_new

    async def remove_domain(self, domain: str) -> bool:
        name = mailbox_address.domain_in_ascii(domain)
        try:
            await self._check_empty(name)
            if (owner := await self._names.owner(f"@{name}")) is None:
                return False
            await self._names.give_up(f"@{name}", owner)
            # Whoever adds somebody looks at the domain again after that, and we at it after this.
            try:
                await self._check_empty(name)
            except ValueError:
                await self._names.claim(f"@{name}", owner)
                raise
            await self._names.unlist_domain(name)
        finally:
            self._forget()
        return True

    async def add_domain_alias(self, alias: str, domain: str) -> bool:
        try:
            return await self._aliases.add_domain(alias, domain)
        finally:
            self._forget()

    async def remove_domain_alias(self, alias: str) -> bool:
        try:
            return await self._aliases.remove_domain(alias)
        finally:
            self._forget()

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
        asked = local_names.names_to_check([parsed])
        local_names.check_user(parsed, await self._names.held(asked))
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
        try:
            # Until the name is theirs nobody finds the user, and what is left there hurts nobody.
            await self._accounts.add(user, hashed)
            await self._names.list_user(user.address, user.user_id, is_admin=is_admin)
            if not await self._names.claim(user.address, user.user_id):
                await self._names.unlist_user(user.address, user.user_id)
                await self._accounts.delete(user.user_id)
                local_names.check_user(parsed, await self._names.held(asked))
                raise Retryable(f"{user.address} was given to somebody else and is free again")
            if f"@{parsed.domain}" not in await self._names.held([f"@{parsed.domain}"]):
                await self._names.give_up(user.address, user.user_id)
                await self._accounts.delete(user.user_id)
                await self._names.unlist_user(user.address, user.user_id)
                local_names.check_user(parsed, await self._names.held(asked))
                raise Retryable(f"{parsed.domain} was to be removed, and stays")
        finally:
            self._forget()
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
        before = await self._accounts.get(user_id)
        sign_ins = str(uuid4())
        try:
            is_there = await self._accounts.change(
                user_id,
                password=hashed,
                quota_bytes=quota_bytes,
                is_suspended=is_suspended,
                sign_ins=sign_ins,
            )
            if is_there and before is not None and keep_session and not is_suspended:
                # After a crash before this that session has ended, too.
                await self.sessions.keep(user_id, keep_session, before.sign_ins, sign_ins)
            if is_there and is_suspended is False and before and before.user.deletes_at:
                await self._names.unlist_leaving(before.user.address, user_id)
        finally:
            self._forget()
        kept = await self._accounts.get(user_id) if is_there else None
        return kept.user if kept else None

    async def delete_later(self, user_id: str, at: datetime) -> User | None:
        if (kept := await self._accounts.get(user_id)) is None:
            return None
        try:
            await self._names.list_leaving(kept.user.address, user_id)
            await self._accounts.change(
                user_id, password=None, quota_bytes=None, is_suspended=True, deletes_at=at
            )
        finally:
            self._forget()
        kept = await self._accounts.get(user_id)
        return kept.user if kept else None

    async def due(self, now: datetime) -> Sequence[User]:
        listed = await self._names.listed(EVERYWHERE, "leaving")
        kept = await self._accounts.get_all([user_id for _, user_id in listed])
        due = [
            each.user
            for each in kept.values()
            if each.user.deletes_at is not None and each.user.deletes_at <= now
        ]
        return sorted(due, key=lambda user: user.address)

    async def delete_user(self, user_id: str) -> bool:
        if (kept := await self._accounts.get(user_id)) is None:
            return False
        address = kept.user.address
        try:
            # Suspended first: a crash before the end leaves a user who can't sign in, is
            # listed, and can be deleted again; after it, what nobody finds.
            await self._accounts.change(user_id, password=None, quota_bytes=None, is_suspended=True)
            if await self._names.owner(address) == user_id:
                await self._aliases.free_of(address)
                await self._names.give_up(address, user_id)
            is_done = await self._accounts.delete(user_id)
            await self._names.unlist_user(address, user_id)
        finally:
            self._forget()
        return is_done

    async def add_alias(
        self, alias: str, targets: Sequence[str], *, members_only: bool = False
    ) -> None:
        try:
            await self._aliases.add(alias, targets, members_only=members_only)
        finally:
            self._forget()

    async def remove_alias(self, alias: str) -> bool:
        try:
            return await self._aliases.remove(alias)
        finally:
            self._forget()

    async def _by_address(self, address: str) -> Kept | None:
        try:
            key = mailbox_address.parse(address).key
        except ValueError:
            return None
        user_id = await self._names.owner(key)
        return await self._accounts.get(user_id) if user_id else None

    async def _held_lately(self, names: Collection[str]) -> dict[str, Held]:
        found = {name: self._held.get(name) for name in names}
        if unknown := [name for name, entry in found.items() if entry is None]:
            changes, now = self._changes, self._clock.now()
            held = await self._names.held(unknown)
            for name in unknown:
                found[name] = entry = (held[name],) if name in held else ()
                if changes == self._changes:
                    self._held.put(name, entry, now)
        return {name: entry[0] for name, entry in found.items() if entry}

    async def _check_empty(self, name: str) -> None:
        others = await self._aliases.domains()
        page = await users_page(self._names, self._accounts, [name], "", 1)
        local_names.check_empty(
            name,
            has_users=bool(page.users),
            has_aliases=bool(await self._aliases.of(name)),
            has_others=any(domain == name for _, domain in others),
        )

    async def _domains_asked_for(self, domain: str | None) -> Sequence[str]:
        return await self.domains() if domain is None else [mailbox_address.domain_in_ascii(domain)]

    def _forget(self) -> None:
        """Forget all answers, also those that are on their way."""
        self._changes += 1
        self._held.clear()
        self._lately.forget()
