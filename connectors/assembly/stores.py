"""What answers each port, whatever the profile, and what is the same in both."""

import socket
from dataclasses import dataclass
from pathlib import Path

from connectors.clamav.clamd import ClamdAntivirus
from connectors.dns.resolver import DnsResolver
from connectors.documents.reader import PATIENCE_S, DocumentTexts
from connectors.files.spam_model import OWN_MODEL, load_spam_model
from connectors.http_out.messenger import HttpMessenger, context_of
from connectors.scanner.all import AllScanners
from connectors.scanner.rules import RulesScanner
from connectors.settings import Settings
from connectors.smtp_out.setup import relay_of
from topologies import extensions
from topologies.engines.handling import Services
from topologies.ports.answers import Answers
from topologies.ports.antivirus import Antivirus
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.blob_sweep import SweptBlobs
from topologies.ports.blob_urls import BlobUrls
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.dns import Resolver
from topologies.ports.domain_reports import DomainReports
from topologies.ports.generations import Generations
from topologies.ports.limits import Limits
from topologies.ports.log import EventLog, LogReader, WrittenLog
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

CLAMD_SPARE_BYTES = 1024 * 1024  # clamd's StreamMaxLength must allow the largest mail and this


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What all processes of one deployment share.

    Attributes:
        generations: The mailboxes again, as whoever makes them anew needs them.
        blob_urls: None: clients do not reach the store of blobs.
    """

    clock: Clock
    log: WrittenLog
    reader: LogReader
    dead_letters: DeadLetters
    deliveries: Deliveries
    blobs: SweptBlobs
    directory: Directory
    mailboxes: Mailboxes
    generations: Generations
    request_keys: RequestKeys
    search: Search
    limits: Limits
    app_passwords: AppPasswords
    second_factors: SecondFactors
    dkim_keys: DkimKeys
    restraints: Restraints
    summaries: Summaries
    suppressions: Suppressions
    webhooks: Webhooks
    push_subscriptions: PushSubscriptions
    tidings: Tidings
    rules: Rules
    answers: Answers
    personal_spam: PersonalSpam
    contacts: Contacts
    unsubscribes: Unsubscribes
    snoozes: Snoozes
    scheduled: Scheduled
    domain_reports: DomainReports
    sts_policies: StsPolicies
    top_senders: TopSenders
    url_key: UrlKey
    push_key: PushKey
    blob_urls: BlobUrls | None = None


def services_of(
    settings: Settings, stores: Stores, notices: Notices, antivirus: Antivirus
) -> Services:
    """Return an answer for each port that stages name."""
    resolver = DnsResolver(settings.dns_servers, settings.dns_timeout_s, stores.clock)
    return {
        **extensions.services(settings),
        Answers: stores.answers,
        AppPasswords: stores.app_passwords,
        Antivirus: antivirus,
        AuthenticatePolicy: AuthenticatePolicy(
            dmarc_discovery=settings.dmarc_discovery,
            accepts_partial_bodies=settings.dkim_partial_bodies,
            trusted_sealers=tuple(name.lower() for name in settings.arc_trusted_sealers),
            honours_sealers=settings.arc_overrides_dmarc,
            tells_owners=settings.dmarc_reports,
        ),
        Blobs: stores.blobs,
        Clock: stores.clock,
        Contacts: stores.contacts,
        Deliveries: stores.deliveries,
        Directory: stores.directory,
        DkimKeys: stores.dkim_keys,
        DomainReports: stores.domain_reports,
        EventLog: stores.log,
        Mailboxes: stores.mailboxes,
        MalwarePolicy: MalwarePolicy(
            malware=settings.on_malware,
            suspicious=settings.on_suspicious,
            executable=settings.on_executable,
            macro=settings.on_macro,
            encrypted=settings.on_encrypted,
            bomb=settings.on_bomb,
            unscannable=settings.on_unscannable,
        ),
        Messenger: HttpMessenger(
            resolver,
            context_of(settings.delivery_ca_file),
            is_private_allowed=settings.webhooks_to_private,
        ),
        Notices: notices,
        Relay: relay_of(
            settings,
            resolver,
            stores.limits,
            stores.clock,
            name=settings.hostname or socket.gethostname(),
            signed=resolver,
        ),
        Resolver: resolver,
        ReportPolicy: ReportPolicy(
            hostname=settings.hostname or socket.gethostname(),
            is_delay_told=settings.delay_notices,
        ),
        RequestKeys: stores.request_keys,
        Restraints: stores.restraints,
        Rules: stores.rules,
        ScorePolicy: ScorePolicy(spam_threshold=settings.spam_threshold),
        Search: stores.search,
        SecondFactors: stores.second_factors,
        SignPolicy: SignPolicy(
            hostname=settings.hostname or socket.gethostname(),
            verp_streams=settings.verp_streams,
        ),
        Summaries: stores.summaries,
        SummaryPolicy: SummaryPolicy(
            hostname=settings.hostname or socket.gethostname(),
            tells_tls=settings.tls_reports,
            tells_dmarc=settings.dmarc_reports,
            sender=settings.reports_from,
        ),
        SuppressionPolicy: SuppressionPolicy(
            bounced_days=settings.suppress_bounced_days,
            complained_days=settings.suppress_complained_days,
        ),
        Suppressions: stores.suppressions,
        Texts: texts_of(settings),
        Webhooks: stores.webhooks,
        Tidings: stores.tidings,
        PersonalSpam: stores.personal_spam,
        SpamClassifier: classifier_of(settings),
        VetPolicy: VetPolicy(
            spam_threshold=settings.outgoing_spam_threshold,
            bad_mails_throttle=settings.bad_mails_throttle,
            bad_mails_suspend=settings.bad_mails_suspend,
        ),
        Snoozes: stores.snoozes,
        Scheduled: stores.scheduled,
        Unsubscribes: stores.unsubscribes,
        TopSenders: stores.top_senders,
        PushKey: stores.push_key,
        PushPolicy: PushPolicy(
            contact=f"mailto:postmaster@{settings.hostname or socket.gethostname()}"
        ),
        PushSubscriptions: stores.push_subscriptions,
        UrlKey: stores.url_key,
    }


def classifier_of(settings: Settings) -> SpamClassifier:
    """Return what judges mail: the model that was trained here, or the one that is shipped."""
    return load_spam_model(Path(settings.data_dir) / OWN_MODEL)


def texts_of(settings: Settings, *, patience_s: float | None = PATIENCE_S) -> Texts:
    """Return who reads files, for the search; *patience_s* as of ``DocumentTexts``."""
    return DocumentTexts(settings.indexed_files_bytes, patience_s=patience_s)


async def close_services(services: Services) -> None:
    """Give up what was opened for ``services_of``; the stores have who opened them."""
    for port in (Relay, Messenger, Antivirus):
        await services[port].close()


def antivirus_of(settings: Settings) -> Antivirus:
    """Return who looks for malware: our rules, and clamd where there is one."""
    rules = RulesScanner(settings.yara_rules)
    if not settings.clamd:
        return rules
    largest = settings.max_message_bytes + CLAMD_SPARE_BYTES
    return AllScanners(rules, ClamdAntivirus(settings.clamd, max_bytes=largest))
