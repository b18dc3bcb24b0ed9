"""What was read of the names, for rules that ask at once and can't wait.

A rule of ``topologies.mail.local_names`` that asks for more than was read is run anew
once that was read too; those rules are pure, so nobody notices.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from connectors.cassandra.directory_names import Names, Targets, found_by
from topologies.mail.local_names import Held, LeadingTo, LookUp

T = TypeVar("T")


class Snapshot:
    """The names as they would be with some of them changed."""

    def __init__(self, names: Names, changed: Mapping[str, Targets]) -> None:
        """Read nothing yet.

        Args:
            names: Where to read.
            changed: What these lead to; to nothing: they are not there.
        """
        self._names = names
        self._changed = changed
        self._held: dict[str, Held | None] = {
            name: Held(targets=targets) if targets else None for name, targets in changed.items()
        }
        self._leading: dict[str, dict[str, Targets]] = {}

    async def answer(self, rule: Callable[[LeadingTo, LookUp], T]) -> T:
        """Return what *rule* comes to.

        Raises:
            Retryable: The store is out of reach.
        """
        while True:
            try:
                return rule(self._leading_to, self._look_up)
            except _Unread as unread:
                if unread.names:
                    held = await self._names.held(unread.names)
                    self._held |= {name: held.get(name) for name in unread.names}
                if unread.target:
                    await self._read_above(unread.target)

    def _look_up(self, names: Collection[str]) -> dict[str, Held]:
        if unread := [name for name in names if name not in self._held]:
            raise _Unread(names=unread)
        found = {name: self._held[name] for name in names}
        return {name: entry for name, entry in found.items() if entry is not None}

    def _leading_to(self, name: str) -> dict[str, Targets]:
        if name not in self._leading:
            raise _Unread(target=name)
        stayed = {a: t for a, t in self._leading[name].items() if a not in self._changed}
        new = {a: t for a, t in self._changed.items() if name in found_by(t)}
        return stayed | new

    async def _read_above(self, name: str) -> None:
        """Read what leads to *name*, and what leads there: a rule will ask for that next."""
        level = {name}
        while level:
            found = await self._names.leading(level)
            self._leading |= found
            above = {
                alias: targets for aliases in found.values() for alias, targets in aliases.items()
            }
            for alias, targets in above.items():
                self._held.setdefault(alias, Held(targets=targets))
            level = {alias for alias in above if alias not in self._leading}


class _Unread(Exception):
    """A rule asked for what was not read yet."""

    def __init__(self, *, names: Collection[str] = (), target: str = "") -> None:
        super().__init__()
        self.names = names
        self.target = target
