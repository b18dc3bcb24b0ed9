"""An answer for every port, in memory: what a stage needs to be run in a test."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.memory.dns import MemoryDns
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.notices import MemoryNotices
from connectors.memory.reputations import MemoryReputations
from connectors.memory.search import MemorySearch
from connectors.scanner.rules import RulesScanner
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.dns import Resolver
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notices
from topologies.ports.policy import AuthenticatePolicy, ScorePolicy
from topologies.ports.reputations import Reputations
from topologies.ports.search import Search

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOMAIN = "shop.example"


class OneWord:
    """A classifier that knows one word: ``lottery``."""

    def probability(self, features: Sequence[str]) -> float:
        return 0.99 if "w:lottery" in features else 0.01

    def reasons(self, features: Sequence[str], limit: int = 5) -> tuple[str, ...]:
        return ("w:lottery",)[:limit] if "w:lottery" in features else ()


async def in_memory() -> dict[type, Any]:
    """Return services of a deployment with ann@ and bo@ at ``DOMAIN``, and all@ for both."""
    clock = ManualClock(AT)
    directory = MemoryDirectory(clock)
    await directory.add_domain(DOMAIN)
    for name in ("ann", "bo"):
        await directory.add_user(f"{name}@{DOMAIN}", "a password", name=name.title())
    await directory.add_alias(f"all@{DOMAIN}", [f"ann@{DOMAIN}", f"bo@{DOMAIN}"])
    return {
        Antivirus: RulesScanner(),
        AuthenticatePolicy: AuthenticatePolicy(),
        Blobs: MemoryBlobs(),
        Clock: clock,
        Directory: directory,
        Mailboxes: MemoryMailboxes(clock),
        Notices: MemoryNotices(),
        Reputations: MemoryReputations(clock),
        Resolver: MemoryDns({}),
        ScorePolicy: ScorePolicy(),
        Search: MemorySearch(),
        SpamClassifier: OneWord(),
    }
