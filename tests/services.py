"""An answer for every port, in memory: what a stage needs to be run in a test."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.memory.answers import MemoryAnswers
from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.directory import MemoryDirectory
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.dns import MemoryDns
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.notices import MemoryNotices
from connectors.memory.personal_spam import MemoryPersonalSpam
from connectors.memory.relay import MemoryRelay
from connectors.memory.reputations import MemoryReputations
from connectors.memory.request_keys import MemoryRequestKeys
from connectors.memory.restraints import MemoryRestraints
from connectors.memory.rules import MemoryRules
from connectors.memory.search import MemorySearch
from connectors.memory.suppressions import MemorySuppressions
from connectors.memory.url_key import MemoryUrlKey
from connectors.scanner.rules import RulesScanner
from topologies.ports.answers import Answers
from topologies.ports.antivirus import Antivirus
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.dns import Resolver
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.policy import (
    AuthenticatePolicy,
    MalwarePolicy,
    ReportPolicy,
    ScorePolicy,
    SignPolicy,
    SuppressionPolicy,
    VetPolicy,
)
from topologies.ports.relay import Relay
from topologies.ports.reputations import Reputations
from topologies.ports.request_keys import RequestKeys
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.search import Search
from topologies.ports.suppressions import Suppressions
from topologies.ports.url_key import UrlKey

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOMAIN = "shop.example"


class OneWord:
    """A classifier that knows one word: ``lottery``."""

    model = "one-word"
    bias = -4.6

    def probability(self, features: Sequence[str]) -> float:
        return 0.99 if "w:lottery" in features else 0.01

    def reasons(self, features: Sequence[str], limit: int = 5) -> tuple[str, ...]:
        return ("w:lottery",)[:limit] if "w:lottery" in features else ()

    def shares(self, features: Sequence[str]) -> Sequence[float]:
        return [9.2 if feature == "w:lottery" else 0.0 for feature in features]


async def in_memory() -> dict[type, Any]:
    """Return services of a deployment with ann@ and bo@ at ``DOMAIN``, and all@ for both."""
    clock = ManualClock(AT)
    directory = MemoryDirectory(clock)
    await directory.add_domain(DOMAIN)
    for name in ("ann", "bo"):
        await directory.add_user(f"{name}@{DOMAIN}", "a password", name=name.title())
    await directory.add_alias(f"all@{DOMAIN}", [f"ann@{DOMAIN}", f"bo@{DOMAIN}"])
    return {
        Answers: MemoryAnswers(),
        Antivirus: RulesScanner(),
        AuthenticatePolicy: AuthenticatePolicy(),
        Blobs: MemoryBlobs(),
        Clock: clock,
        Deliveries: MemoryDeliveries(),
        Directory: directory,
        DkimKeys: MemoryDkimKeys(),
        Mailboxes: MemoryMailboxes(clock),
        MalwarePolicy: MalwarePolicy(),
        Notices: MemoryNotices(),
        PersonalSpam: MemoryPersonalSpam(),
        ReportPolicy: ReportPolicy(hostname=f"mx.{DOMAIN}"),
        Relay: MemoryRelay(),
        Reputations: MemoryReputations(clock),
        Resolver: MemoryDns({}),
        RequestKeys: MemoryRequestKeys(),
        Restraints: MemoryRestraints(clock),
        Rules: MemoryRules(),
        ScorePolicy: ScorePolicy(),
        Search: MemorySearch(),
        SignPolicy: SignPolicy(hostname=f"mx.{DOMAIN}"),
        SpamClassifier: OneWord(),
        SuppressionPolicy: SuppressionPolicy(),
        Suppressions: MemorySuppressions(),
        UrlKey: MemoryUrlKey(),
        VetPolicy: VetPolicy(),
    }
