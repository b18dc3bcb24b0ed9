"""What administrators do with domains, users and aliases, by the API and the command line alike.

Works on the directory and what belongs to its users. Each thing that is done is told in a line
of its own, with who did it; addresses stand in none, only ids. A user is deleted in two steps:
first they are suspended for a time in which mail still comes in, so that whoever thinks better of
it finds everything there; then they go for good.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from topologies.events import UserDeleted
from topologies.mail.dkim_rotation import first_keys
from topologies.mail.mailbox_address import domain_in_ascii
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.clock import Clock
from topologies.ports.directory import LEAST_PASSWORD_CHARACTERS, Directory, User
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.log import EventLog
from topologies.ports.restraints import Restraints
from topologies.ports.second_factors import SecondFactors
from topologies.ports.webhooks import Webhooks

Note = Callable[[str, str], None]  # what was done, and to what


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """An administrator at work. What is refused raises ValueError, with the reason.

    Attributes:
        note: Told of each thing that was done, after it was.
    """

    directory: Directory
    dkim_keys: DkimKeys
    restraints: Restraints
    app_passwords: AppPasswords
    second_factors: SecondFactors
    webhooks: Webhooks
    log: EventLog
    clock: Clock
    note: Note

    async def add_domain(self, name: str) -> bool:
        """Take mail for a domain, with keys to sign its mail; return False if it was there."""
        is_new = await self.directory.add_domain(name)
        await first_keys(self.dkim_keys, domain_in_ascii(name), self.clock.now())
        self.note("domain.added", domain_in_ascii(name))
        return is_new

    async def remove_domain(self, name: str) -> bool:
        """Take no more mail for a domain that holds nothing; return False if it was none.

        Its keys stay: mail that was written in its name may still be on its way.
        """
        if was_there := await self.directory.remove_domain(name):
            self.note("domain.removed", domain_in_ascii(name))
        return was_there

    async def add_user(
        self,
        address: str,
        password: str,
        *,
        name: str = "",
        quota_bytes: int | None = None,
        is_admin: bool = False,
    ) -> User:
        """Give an address of ours a mailbox, as ``Directory.add_user``.

        Raises:
            ValueError: As there, or the password is too short.
        """
        _check_chosen(password)
        user = await self.directory.add_user(
            address, password, name=name, quota_bytes=quota_bytes, is_admin=is_admin
        )
        self.note("admin.added" if is_admin else "user.added", user.user_id)
        return user

    async def suspend(self, user: User) -> User | None:
        """Let a user sign in no more; their mail still comes in."""
        return self._noted(
            "user.suspended",
            await self.directory.change_user(user.user_id, is_suspended=True),
        )

    async def resume(self, user: User) -> User | None:
        """Let a user sign in and send again; who was to be deleted stays."""
        await self.restraints.lift(user.user_id)
        return self._noted(
            "user.resumed",
            await self.directory.change_user(user.user_id, is_suspended=False),
        )

    async def set_password(self, user: User, password: str) -> User | None:
        """Give a user another password, and end their sessions.

        Raises:
            ValueError: As ``Directory.change_user``, or it is too short.
        """
        _check_chosen(password)
        return self._noted(
            "user.password-set",
            await self.directory.change_user(user.user_id, password=password),
        )

    async def set_quota(self, user: User, quota_bytes: int) -> User | None:
        """Let a user's mailbox hold so many bytes; 0 is no limit."""
        return self._noted(
            "user.quota-set",
            await self.directory.change_user(user.user_id, quota_bytes=quota_bytes),
        )

    async def reset_second_factor(self, user: User) -> bool:
        """Let a user sign in with the password alone; return False if that was so."""
        if was_there := await self.second_factors.remove(user.user_id):
            self.note("user.second-factor-reset", user.user_id)
        return was_there

    async def delete_later(self, user: User, grace: timedelta) -> User | None:
        """Suspend a user, to be deleted when *grace* is over unless they are resumed."""
        at = self.clock.now() + grace
        return self._noted(
            "user.to-be-deleted", await self.directory.delete_later(user.user_id, at)
        )

    async def delete(self, user: User) -> bool:
        """Take a user away for good, and have all that is theirs forgotten.

        That follows by `users.deleted` (the stage ``erase``). The user goes last here: after a
        crash before that, whoever does it again finds them. Return whether they were there.
        """
        if await self.directory.user(user.user_id) is None:
            return False
        await self.second_factors.remove(user.user_id)
        for password in await self.app_passwords.of(user.user_id):
            await self.app_passwords.remove(user.user_id, password.password_id)
        for webhook in await self.webhooks.of(user.user_id):
            await self.webhooks.remove(user.user_id, webhook.webhook_id)
        await self.log.append([UserDeleted(user_id=user.user_id, deleted_at=self.clock.now())])
        await self.directory.delete_user(user.user_id)  # unless the stage was faster
        self.note("user.deleted", user.user_id)
        return True

    async def delete_due(self) -> Sequence[User]:
        """Delete the users whose grace is over; return them. Done again, it does nothing."""
        gone: list[User] = []
        for user in await self.directory.due(self.clock.now()):
            # Asked again, since a resumption may have come between.
            now = await self.directory.user(user.user_id)
            if now is not None and now.deletes_at == user.deletes_at and await self.delete(user):
                gone.append(user)
        return gone

    async def add_alias(
        self, alias: str, targets: Sequence[str], *, members_only: bool = False
    ) -> None:
        """Let an address lead to others, as ``Directory.add_alias``."""
        await self.directory.add_alias(alias, targets, members_only=members_only)
        self.note("alias.set", domain_of(alias))

    async def remove_alias(self, alias: str) -> bool:
        """Let an address lead nowhere; return False if it did."""
        if was_there := await self.directory.remove_alias(alias):
            self.note("alias.removed", domain_of(alias))
        return was_there

    def _noted(self, action: str, user: User | None) -> User | None:
        if user is not None:
            self.note(action, user.user_id)
        return user


def _check_chosen(password: str) -> None:
    if len(password) < LEAST_PASSWORD_CHARACTERS:
        raise ValueError(f"a password has {LEAST_PASSWORD_CHARACTERS} characters at least")


def domain_of(address: str) -> str:
    """Return the domain of *address*, as it is told of one that may be told nowhere."""
    return address.rpartition("@")[2].lower()
