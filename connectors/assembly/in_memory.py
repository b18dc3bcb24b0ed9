"""An answer for every port, in memory: what stages need to be run in a test, or at the desk.

Nothing leaves the process, nothing is kept, and the clock stands still until it is moved.
"""

from datetime import UTC, datetime
from typing import Any

from connectors.documents.reader import DocumentTexts
from connectors.memory.answers import MemoryAnswers
from connectors.memory.app_passwords import MemoryAppPasswords
from connectors.memory.blobs import MemoryBlobs
from connectors.memory.classifier import OneWord
from connectors.memory.clock import ManualClock
from connectors.memory.contacts import MemoryContacts
from connectors.memory.deliveries import MemoryDeliveries
from connectors.memory.directory import MemoryDirectory
from connectors.memory.dkim_keys import MemoryDkimKeys
from connectors.memory.dns import MemoryDns
from connectors.memory.domain_reports import MemoryDomainReports
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.messenger import MemoryMessenger
from connectors.memory.notices import MemoryNotices
from connectors.memory.personal_spam import MemoryPersonalSpam
from connectors.memory.push_subscriptions import MemoryPushSubscriptions
from connectors.memory.relay import MemoryRelay
from connectors.memory.reputations import MemoryReputations
from connectors.memory.request_keys import MemoryRequestKeys
from connectors.memory.restraints import MemoryRestraints
from connectors.memory.rules import MemoryRules
from connectors.memory.scheduled import MemoryScheduled
from connectors.memory.search import MemorySearch
from connectors.memory.second_factors import MemorySecondFactors
from connectors.memory.snoozes import MemorySnoozes
from connectors.memory.sts_policies import MemoryStsPolicies
from connectors.memory.summaries import MemorySummaries
from connectors.memory.suppressions import MemorySuppressions
from connectors.memory.tidings import MemoryTidings
from connectors.memory.top_senders import MemoryTopSenders
from connectors.memory.unsubscribes import MemoryUnsubscribes
from connectors.memory.url_key import MemoryUrlKey
from connectors.memory.webhooks import MemoryWebhooks
from connectors.scanner.rules import RulesScanner
from topologies.ports.answers import Answers
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
from topologies.ports.messenger import Messenger
from topologies.ports.notices import Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.policy import (
    AuthenticatePolicy,
    MalwarePolicy,
    PushPolicy,
    ReportPolicy,
    ScorePolicy,
    SignPolicy,
    SummaryPolicy,
    SuppressionPolicy,
    VetPolicy,
)
from topologies.ports.push_key import PushKey
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.relay import Relay
from topologies.ports.reputations import Reputations
from topologies.ports.request_keys import RequestKeys
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snoozes
from topologies.ports.sts_policies import StsPolicies
from topologies.ports.summaries import Summaries
from topologies.ports.suppressions import Suppressions
from topologies.ports.texts import Texts
from topologies.ports.tidings import Tidings
from topologies.ports.top_senders import TopSenders
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.url_key import UrlKey
from topologies.ports.webhooks import Webhooks

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOMAIN = "shop.example"


async def in_memory() -> dict[type, Any]:
    """Return the services of a deployment with ann@ and bo@ at ``DOMAIN``, and all@ for both.

    They are by the port's class, as engines take them; put others in their places at will.
    """
    clock = ManualClock(AT)
    directory = MemoryDirectory(clock)
    await directory.add_domain(DOMAIN)
    for name in ("ann", "bo"):
        await directory.add_user(f"{name}@{DOMAIN}", "a password", name=name.title())
    await directory.add_alias(f"all@{DOMAIN}", [f"ann@{DOMAIN}", f"bo@{DOMAIN}"])
    return {
        Answers: MemoryAnswers(),
        Antivirus: RulesScanner(),
        AppPasswords: MemoryAppPasswords(),
        AuthenticatePolicy: AuthenticatePolicy(),
        Blobs: MemoryBlobs(),
        Clock: clock,
        Contacts: MemoryContacts(),
        Deliveries: MemoryDeliveries(),
        Directory: directory,
        DkimKeys: MemoryDkimKeys(),
        DomainReports: MemoryDomainReports(),
        Mailboxes: MemoryMailboxes(clock),
        MalwarePolicy: MalwarePolicy(),
        Messenger: MemoryMessenger(),
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
        SecondFactors: MemorySecondFactors(),
        SignPolicy: SignPolicy(hostname=f"mx.{DOMAIN}"),
        SpamClassifier: OneWord(),
        StsPolicies: MemoryStsPolicies(),
        Summaries: MemorySummaries(),
        SummaryPolicy: SummaryPolicy(hostname=f"mx.{DOMAIN}"),
        SuppressionPolicy: SuppressionPolicy(),
        Suppressions: MemorySuppressions(),
        Texts: DocumentTexts(),
        Tidings: MemoryTidings(),
        Snoozes: MemorySnoozes(clock),
        Scheduled: MemoryScheduled(clock),
        Unsubscribes: MemoryUnsubscribes(),
        TopSenders: MemoryTopSenders(),
        PushKey: MemoryUrlKey(),
        PushPolicy: PushPolicy(contact=f"mailto:postmaster@{DOMAIN}"),
        PushSubscriptions: MemoryPushSubscriptions(),
        UrlKey: MemoryUrlKey(),
        VetPolicy: VetPolicy(),
        Webhooks: MemoryWebhooks(),
    }
