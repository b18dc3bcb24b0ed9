"""Aliases, and domains that stand for others, in Cassandra.

Two administrators at once may let an alias outgrow its bounds, each by a change that is fine
alone, or let one lead to a user who is deleted meanwhile: then that address leads to nobody,
and mail for it is refused, until the alias is changed.
"""

from collections.abc import Sequence

from connectors.cassandra.directory_names import EVERYWHERE, Names
from connectors.cassandra.directory_snapshot import Snapshot
from topologies.errors import Retryable
from topologies.mail import local_names, mailbox_address
from topologies.mail.local_names import Held

TRIES = 5  # of a change while others change the same


class Aliases:
    """The aliases of one deployment, always as they are now."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def of(self, domain: str) -> Sequence[tuple[str, tuple[str, ...]]]:
        """Return the aliases of *domain* and what they lead to."""
        listed = await self._names.listed(domain, "alias")
        held = await self._names.held([alias for alias, _ in listed])
        return [
            (alias, local_names.shown(entry.targets))
            for alias, entry in held.items()
            if entry.targets
        ]

    async def domains(self) -> Sequence[tuple[str, str]]:
        """Return (domain, the one of ours that it stands for), sorted."""
        listed = await self._names.listed(EVERYWHERE, "domain alias")
        held = await self._names.held([f"@{alias}" for alias, _ in listed])
        return [
            (name.removeprefix("@"), entry.targets[0].removeprefix("@"))
            for name, entry in sorted(held.items())
            if entry.targets
        ]

    async def add(self, alias: str, targets: Sequence[str], *, members_only: bool) -> None:
        """Let *alias* lead to *targets*; as ``Directory.add_alias``."""
        parsed = mailbox_address.parse(alias)
        leads_to = local_names.targets_of(targets)
        after = local_names.kept(leads_to, members_only=members_only)
        for _ in range(TRIES):
            held = await self._names.held(local_names.names_to_check([parsed, *leads_to]))
            local_names.check_alias(parsed, leads_to, held)
            await Snapshot(self._names, {parsed.key: after}).answer(
                lambda leading_to, look_up: local_names.check_growth(
                    parsed.key, leading_to, look_up
                )
            )
            before = held.get(parsed.key, Held()).targets
            if await self._names.lead(parsed.key, before, after):
                return
        raise Retryable(f"{parsed.key} is being changed by others")

    async def remove(self, alias: str) -> bool:
        """Let *alias* lead nowhere; return False if it did."""
        key = mailbox_address.parse(alias).key
        for _ in range(TRIES):
            before = (await self._names.held([key])).get(key, Held()).targets
            if not before:
                return False
            if await self._names.lead(key, before, ()):
                return True
        raise Retryable(f"{key} is being changed by others")

    async def free_of(self, address: str) -> None:
        """Let no alias lead to *address* any more."""
        for _ in range(TRIES):
            changed = await Snapshot(self._names, {address: ()}).answer(
                lambda leading_to, look_up: local_names.without(address, leading_to, look_up)
            )
            held = await self._names.held(changed)
            done = [
                await self._names.lead(alias, held.get(alias, Held()).targets, targets)
                for alias, targets in changed.items()
            ]
            if all(done):
                return
        raise Retryable(f"the aliases to {address} are being changed by others")

    async def add_domain(self, alias: str, domain: str) -> bool:
        """Let *alias* stand for *domain*; as ``Directory.add_domain_alias``."""
        name, other = map(mailbox_address.domain_in_ascii, (alias, domain))
        for _ in range(TRIES):
            held = await self._names.held([f"@{name}", f"@{other}"])
            local_names.check_domain_alias(name, other, held)
            before, after = held.get(f"@{name}", Held()).targets, (f"@{other}",)
            # Written anew where it is so already: a crash may have kept it from the list.
            if await self._names.lead_domain(name, before, after):
                return before != after
        raise Retryable(f"{name} is being changed by others")

    async def remove_domain(self, alias: str) -> bool:
        """Let *alias* be none of our domains; return False if it was none."""
        name = mailbox_address.domain_in_ascii(alias)
        for _ in range(TRIES):
            before = (await self._names.held([f"@{name}"])).get(f"@{name}", Held()).targets
            if not before:
                return False
            if await self._names.lead_domain(name, before, ()):
                return True
        raise Retryable(f"{name} is being changed by others")
