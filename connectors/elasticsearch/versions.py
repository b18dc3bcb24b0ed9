"""The index and its versions: ``rillmail`` is an alias of ``rillmail-v1``, later of ``-v2``.

An index can't be changed into another layout or number of shards. A new version is made
beside it, filled from the mailboxes, and the alias switched to it in one step.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.elasticsearch.cluster import Cluster
from connectors.elasticsearch.documents import ADDED, LAYOUT, MAPPING
from topologies.errors import Misconfigured, Retryable

SHARDS = 1  # a shard serves up to some 50 GB; routing by user spreads the mailboxes
REPLICAS = 0  # of one node; two nodes or more keep one replica at least
REFRESH_S = 1  # when what was written is found
_EXISTS = "resource_already_exists_exception"


class Versions:
    """All versions of the index under one name."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name

    def name_of(self, number: int) -> str:
        """Return the name of a version of the index."""
        return f"{self._name}-v{number}"

    async def ensure(self, *, shards: int = SHARDS, replicas: int = REPLICAS) -> int:
        """Make the first version if there is none; return the number of the one in use.

        One whose layout lacks no more than fields that were added since is given them.

        Raises:
            Misconfigured: The index in use has another layout than this program's.
            Retryable: The cluster is out of reach.
        """
        used = await self.used()
        if used is None:
            await self.create(1, shards=shards, replicas=replicas)
            # By adding, not by switching: another process may do the same at the same time,
            # and neither takes away what somebody else switched to meanwhile.
            used = await self.used()
            if used is None:
                await self._actions([{"add": self._alias(1)}])
                used = 1
        await self._add_fields(used)
        await self._check(used)
        return used

    async def used(self) -> int | None:
        """Return the number of the version that the alias names.

        Raises:
            Misconfigured: The name is that of an index, or names several.
        """
        status, found = await self._cluster.ask("GET", f"/{self._name}/_alias", known=(404,))
        if status == 404:
            return None
        [*names] = found
        number = names[0].removeprefix(f"{self._name}-v")
        if len(names) != 1 or not number.isdecimal() or names[0] == self._name:
            raise Misconfigured(
                f"elasticsearch: {self._name} stands for {', '.join(sorted(names))}:"
                f" it must be the alias of one index {self._name}-v…"
            )
        return int(number)

    async def create(self, number: int, *, shards: int = SHARDS, replicas: int = REPLICAS) -> None:
        """Make a version, empty and not in use; leave it as it is if it is there."""
        settings = {
            "number_of_shards": shards,
            "number_of_replicas": replicas,
            # Said, not left to the default: then an index that nobody searches is refreshed, too.
            "refresh_interval": f"{REFRESH_S}s",
            "translog.durability": "request",  # on disk before the answer
            "codec": "best_compression",
        }
        status, answer = await self._cluster.ask(
            "PUT",
            f"/{self.name_of(number)}",
            msgspec.json.encode({"settings": {"index": settings}, "mappings": MAPPING}),
            known=(400,),
        )
        if status == 400 and answer["error"].get("type") != _EXISTS:
            raise Misconfigured(f"elasticsearch: {answer['error'].get('reason')}")

    async def switch(self, number: int) -> None:
        """Let readers and writers use another version from now on, in one step.

        Raises:
            Misconfigured: That version is not there or has another layout.
        """
        await self._check(number)
        used = await self.used()
        removal = [{"remove": self._alias(used)}] if used not in (None, number) else []
        await self._actions([*removal, {"add": self._alias(number)}])

    async def drop(self, number: int) -> None:
        """Delete a version that is not in use; one that is not there is no error.

        Raises:
            Misconfigured: It is in use.
        """
        if await self.used() == number:
            raise Misconfigured(f"elasticsearch: {self.name_of(number)} is in use")
        await self._cluster.ask("DELETE", f"/{self.name_of(number)}", known=(404,))

    async def _check(self, number: int) -> None:
        layout = await self._layout(number)
        if layout != LAYOUT:
            raise Misconfigured(
                f"elasticsearch: {self.name_of(number)} has layout {layout}, this program's is"
                f" {LAYOUT}: build the next version of the index and switch to it"
            )

    async def _layout(self, number: int) -> Any:
        name = self.name_of(number)
        status, found = await self._cluster.ask("GET", f"/{name}/_mapping", known=(404,))
        if status == 404:
            raise Misconfigured(f"elasticsearch: there is no index {name}")
        meta: Mapping[str, Any] = found[name]["mappings"].get("_meta", {})
        return meta.get("layout")

    async def _add_fields(self, number: int) -> None:
        layout = await self._layout(number)
        if not isinstance(layout, int) or not 0 < layout < LAYOUT:
            return
        steps = range(layout + 1, LAYOUT + 1)
        if not all(step in ADDED for step in steps):
            return
        added = {name: kind for step in steps for name, kind in ADDED[step].items()}
        mapping = {"_meta": {"layout": LAYOUT}, "properties": added}
        # Twice at once does no harm: both say the same.
        await self._cluster.ask(
            "PUT", f"/{self.name_of(number)}/_mapping", msgspec.json.encode(mapping)
        )

    async def _actions(self, actions: list[Mapping[str, Any]]) -> None:
        status, answer = await self._cluster.ask(
            "POST", "/_aliases", msgspec.json.encode({"actions": actions}), known=(404,)
        )
        if status == 404:  # what it was switched from has gone: somebody else switched
            raise Retryable(f"elasticsearch: {answer['error'].get('reason')}")

    def _alias(self, number: int) -> Mapping[str, Any]:
        return {"index": self.name_of(number), "alias": self._name}
