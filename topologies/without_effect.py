"""Ports whose answers are asked and never changed: what a stage is run on when nobody may notice.

What only reads is let through. What would change something and gives no answer is left out, since a
stage that is run again finds it done already. Whatever else would be changed is refused: what the
stage would give then can't be told. Blobs that are put are kept in memory as long as one record.
"""

import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, cast, get_type_hints

from connectors.memory.blobs import MemoryBlobs
from topologies.engines.handling import Services
from topologies.errors import BlobMissing, Poison
from topologies.events.message import BlobId
from topologies.ports.antivirus import Antivirus
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.dns import Resolver
from topologies.ports.domain_reports import DomainReports
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.push_key import PushKey
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.reputations import Reputations
from topologies.ports.request_keys import RequestKeys
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.second_factors import SecondFactors
from topologies.ports.seen import Seen
from topologies.ports.snoozes import Snoozes
from topologies.ports.sts_policies import StsPolicies
from topologies.ports.summaries import Summaries
from topologies.ports.suppressions import Suppressions
from topologies.ports.texts import Texts
from topologies.ports.top_senders import TopSenders
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.url_key import UrlKey
from topologies.ports.webhooks import Webhooks

EVERYTHING = frozenset({"*"})
READING: Mapping[type, frozenset[str]] = {
    Antivirus: EVERYTHING,
    AppPasswords: frozenset({"of"}),
    Clock: EVERYTHING,
    Contacts: frozenset({"find"}),
    Deliveries: frozenset({"orders", "told", "of_mail", "find", "queue"}),
    Directory: frozenset(
        {"resolve", "user", "user_by_address", "users", "users_page"}
        | {"domains", "domain_aliases", "aliases"}
    ),
    DkimKeys: frozenset({"keys"}),
    DomainReports: frozenset({"dmarc", "tls"}),
    Mailboxes: frozenset(
        {"load", "load_for_several", "mailbox", "folders", "page", "email", "summaries"}
        | {"thread", "threads", "changes", "usage", "remains", "places", "labels", "labelled"}
    ),
    Notices: frozenset({"is_listening"}),
    PersonalSpam: frozenset({"of", "read"}),
    PushKey: EVERYTHING,
    PushSubscriptions: frozenset({"of", "told"}),
    Reputations: frozenset({"of"}),
    RequestKeys: frozenset({"find"}),
    Resolver: EVERYTHING,
    Restraints: frozenset({"of", "all"}),
    Rules: frozenset({"of", "read"}),
    Search: frozenset({"search", "versions_of"}),
    SecondFactors: frozenset({"of"}),
    Scheduled: frozenset({"page"}),
    Seen: frozenset({"when"}),
    Snoozes: frozenset({"find", "of"}),
    SpamClassifier: EVERYTHING,
    StsPolicies: frozenset({"of"}),
    Summaries: frozenset({"is_told"}),
    Suppressions: frozenset({"among", "page"}),
    Texts: EVERYTHING,
    TopSenders: frozenset({"top"}),
    Unsubscribes: frozenset({"find", "of"}),
    UrlKey: EVERYTHING,
    Webhooks: frozenset({"of", "told", "find", "attempt", "attempts"}),
}


class WouldChange(Poison):
    """A stage would change something, and needs to know what comes of it."""


class WithoutEffect:
    """Services that change nothing, for one record after the other."""

    def __init__(self, services: Services) -> None:
        """Take the *services* of a deployment, or of a test."""
        self._blobs = _Blobs(services[Blobs]) if Blobs in services else None
        self._refused: list[str] = []
        self.services: dict[type, Any] = {
            port: self._guarded(port, answer) for port, answer in services.items()
        }

    def begin(self) -> None:
        """Forget what the record before has put, and what was refused to it."""
        self._refused.clear()
        if self._blobs is not None:
            self._blobs.forget()

    @property
    def refused(self) -> Sequence[str]:
        """What was refused to the record: ``Port.method`` each."""
        return tuple(self._refused)

    def _guarded(self, port: type, answer: Any) -> Any:
        if port is Blobs:
            return self._blobs
        is_port = Protocol in port.__mro__
        if not is_port or READING.get(port) is EVERYTHING:
            return answer  # what the deployment wants is a value
        return _Guarded(port, answer, self._refused)


class _Guarded:
    """An answer of a port of which only what reads can be asked."""

    def __init__(self, port: type, answer: Any, refused: list[str]) -> None:
        self._port = port
        self._answer = answer
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        if name in READING.get(self._port, ()):
            return getattr(self._answer, name)
        if not gives_nothing(self._port, name):
            return self._refuse(name)

        async def leave_out(*_: Any, **__: Any) -> None:
            return

        return leave_out

    def _refuse(self, name: str) -> Any:
        what = f"{self._port.__name__}.{name}"

        def refuse(*_: Any, **__: Any) -> Any:
            self._refused.append(what)
            raise WouldChange(f"{what} would change something")

        return refuse


def gives_nothing(port: type, name: str) -> bool:
    """Tell whether the method *name* of *port* is awaited for nothing but that it is done."""
    method = getattr(port, name, None)
    if not inspect.iscoroutinefunction(method):
        return False
    return get_type_hints(method).get("return", object) is type(None)


class _Blobs:
    """The blobs of a deployment, and in front of them those of one record."""

    def __init__(self, kept: Blobs) -> None:
        self._kept = kept
        self._new = MemoryBlobs()

    def forget(self) -> None:
        """Forget what was put."""
        self._new = MemoryBlobs()

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        return await self._new.put(contents)

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        return await self._new.put_stream(chunks)

    async def get(self, blob: BlobId) -> bytes:
        return await (await self._holder(blob)).get(blob)

    async def stream(
        self, blob: BlobId, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        holder = await self._holder(blob)
        async for chunk in holder.stream(blob, start, end):
            yield chunk

    async def size(self, blob: BlobId) -> int:
        return await (await self._holder(blob)).size(blob)

    async def _holder(self, blob: BlobId) -> Blobs:
        try:
            await self._new.size(blob)
        except BlobMissing:
            return self._kept
        return cast("Blobs", self._new)
