"""The directory in dicts: for tests, and what the others are held against."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.memory.sessions import MemorySessions
from connectors.passwords import Passwords
from topologies.mail import local_names, mailbox_address
from topologies.mail.ids import new_id
from topologies.mail.local_names import POSTMASTER, Held
from topologies.ports.clock import Clock
from topologies.ports.directory import Resolved, Session, User, UserPage


class MemoryDirectory:
    """All domains, users, aliases and sessions of one process, gone with it."""

    def __init__(
        self, clock: Clock, *, default_quota_bytes: int = 0, passwords: Passwords | None = None
    ) -> None:
        """Start empty.

        Args:
            clock: Tells when users were made and tokens expire.
            default_quota_bytes: Of users added without one; 0: no limit.
            passwords: How passwords are kept; by default as cheaply as possible.
        """
        self._clock = clock
        self._default_quota_bytes = default_quota_bytes
        self._passwords = passwords or Passwords.cheap()
        self._domains: set[str] = set()
        self._domain_aliases: dict[str, str] = {}
        self._users: dict[str, User] = {}  # by user_id
        self._by_address: dict[str, User] = {}
        self._hashes: dict[str, str] = {}  # of passwords, by user_id
        self._aliases: dict[str, tuple[str, ...]] = {}
        self.sessions = MemorySessions(clock, self._users)

    async def resolve(self, address: str) -> Resolved:
        return local_names.answered(local_names.resolve(address), self._held)

    async def user(self, user_id: str) -> User | None:
        return self._users.get(user_id)

    async def user_by_address(self, address: str) -> User | None:
        try:
            return self._by_address.get(mailbox_address.parse(address).key)
        except ValueError:
            return None

    async def users(self, domain: str | None = None) -> Sequence[User]:
        return [user for key, user in sorted(self._by_address.items()) if _is_in(key, domain)]

    async def users_page(
        self, *, domain: str | None = None, after: str = "", limit: int
    ) -> UserPage:
        users = [user for user in await self.users(domain) if user.address > after]
        page = users[:limit]
        return UserPage(users=page, after=page[-1].address if len(users) > limit else "")

    async def domains(self) -> Sequence[str]:
        return sorted(self._domains)

    async def aliases(self, domain: str | None = None) -> Sequence[tuple[str, tuple[str, ...]]]:
        found = [alias for alias in sorted(self._aliases.items()) if _is_in(alias[0], domain)]
        return [(alias, local_names.shown(targets)) for alias, targets in found]

    async def domain_aliases(self) -> Sequence[tuple[str, str]]:
        return sorted(self._domain_aliases.items())

    async def sign_in(self, address: str, password: str) -> User | None:
        user = await self.user_by_address(address)
        hashed = self._hashes[user.user_id] if user else None
        if not await self._passwords.fits(password, hashed) or user is None:
            return None
        if self._hashes.get(user.user_id) != hashed:
            return None  # deleted, or given another password, meanwhile
        user = self._users[user.user_id]
        return None if user.is_suspended else user

    async def session(self, token: str) -> Session | None:
        return self.sessions.found(token)

    async def add_domain(self, domain: str) -> bool:
        name = mailbox_address.domain_in_ascii(domain)
        local_names.check_domain(name, self._held([f"@{name}"]))
        is_new = name not in self._domains
        self._domains.add(name)
        return is_new

    async def remove_domain(self, domain: str) -> bool:
        name = mailbox_address.domain_in_ascii(domain)
        local_names.check_empty(
            name,
            has_users=any(_is_in(address, name) for address in self._by_address),
            has_aliases=any(_is_in(alias, name) for alias in self._aliases),
            has_others=name in self._domain_aliases.values(),
        )
        was_there = name in self._domains
        self._domains.discard(name)
        return was_there

    async def add_domain_alias(self, alias: str, domain: str) -> bool:
        name, other = map(mailbox_address.domain_in_ascii, (alias, domain))
        local_names.check_domain_alias(name, other, self._held([f"@{name}", f"@{other}"]))
        is_new = self._domain_aliases.get(name) != other
        self._domain_aliases[name] = other
        return is_new

    async def remove_domain_alias(self, alias: str) -> bool:
        name = mailbox_address.domain_in_ascii(alias)
        return self._domain_aliases.pop(name, None) is not None

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
        local_names.check_user(parsed, self._held(local_names.names_to_check([parsed])))
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
        self._hashes[user.user_id] = hashed
        self._keep(user)
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
        if (user := self._users.get(user_id)) is None:
            return None
        if hashed is not None:
            self._hashes[user_id] = hashed
        if quota_bytes is not None:
            user = replace(user, quota_bytes=quota_bytes or None)
        if is_suspended is not None:
            deletes_at = user.deletes_at if is_suspended else None
            user = replace(user, is_suspended=is_suspended, deletes_at=deletes_at)
        if hashed is not None or is_suspended:
            self.sessions.end_all(user_id, "" if is_suspended else keep_session)
        self._keep(user)
        return user

    async def delete_later(self, user_id: str, at: datetime) -> User | None:
        if (user := self._users.get(user_id)) is None:
            return None
        self.sessions.end_all(user_id)
        user = replace(user, is_suspended=True, deletes_at=at)
        self._keep(user)
        return user

    async def due(self, now: datetime) -> Sequence[User]:
        due = [u for u in self._users.values() if u.deletes_at is not None and u.deletes_at <= now]
        return sorted(due, key=lambda user: user.address)

    async def delete_user(self, user_id: str) -> bool:
        if (user := self._users.pop(user_id, None)) is None:
            return False
        del self._by_address[user.address], self._hashes[user_id]
        self.sessions.end_all(user_id)
        changed = local_names.without(user.address, self._leading_to, self._held)
        self._aliases = {a: t for a, t in (self._aliases | changed).items() if t}
        return True

    async def add_alias(
        self, alias: str, targets: Sequence[str], *, members_only: bool = False
    ) -> None:
        parsed = mailbox_address.parse(alias)
        leads_to = local_names.targets_of(targets)
        held = self._held(local_names.names_to_check([parsed, *leads_to]))
        local_names.check_alias(parsed, leads_to, held)
        before = self._aliases
        self._aliases = before | {parsed.key: local_names.kept(leads_to, members_only=members_only)}
        try:
            local_names.check_growth(parsed.key, self._leading_to, self._held)
        except ValueError:
            self._aliases = before
            raise

    async def remove_alias(self, alias: str) -> bool:
        return self._aliases.pop(mailbox_address.parse(alias).key, None) is not None

    def _held(self, names: Collection[str]) -> dict[str, Held]:
        held: dict[str, Held] = {}
        for name in names:
            if name == POSTMASTER:
                admins = tuple(a for a, user in sorted(self._by_address.items()) if user.is_admin)
                held |= {name: Held(targets=admins)} if admins else {}
            elif other := self._domain_aliases.get(name.removeprefix("@")):
                held[name] = Held(targets=(f"@{other}",))
            elif name.startswith("@"):
                held |= {name: Held()} if name[1:] in self._domains else {}
            elif user := self._by_address.get(name):
                held[name] = Held(user_id=user.user_id)
            elif targets := self._aliases.get(name):
                held[name] = Held(targets=targets)
        return held

    def _leading_to(self, name: str) -> dict[str, tuple[str, ...]]:
        return {
            alias: targets
            for alias, targets in self._aliases.items()
            if any(t == name or local_names.untagged(t) == name for t in targets)
        }

    def _keep(self, user: User) -> None:
        self._users[user.user_id] = user
        self._by_address[user.address] = user


def _is_in(key: str, domain: str | None) -> bool:
    return domain is None or key.rpartition("@")[2] == mailbox_address.domain_in_ascii(domain)
