"""What answers each port, whatever the profile, and what is the same in both."""

from dataclasses import dataclass
from pathlib import Path

from connectors.clamav.clamd import ClamdAntivirus
from connectors.dns.resolver import DnsResolver
from connectors.files.spam_model import OWN_MODEL, load_spam_model
from connectors.scanner.all import AllScanners
from connectors.scanner.rules import RulesScanner
from connectors.settings import Settings
from topologies.acceptance import Acceptance, collect
from topologies.engines.handling import Services
from topologies.ports.antivirus import Antivirus
from topologies.ports.blob_sweep import SweptBlobs
from topologies.ports.blob_urls import BlobUrls
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.directory import Directory
from topologies.ports.dns import Resolver
from topologies.ports.limits import Limits
from topologies.ports.log import EventLog, LogReader, WrittenLog
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notices
from topologies.ports.policy import (
    AuthenticatePolicy,
    DmarcRefusal,
    DnsLists,
    Greylisting,
    MailRates,
    NameLookups,
    ScorePolicy,
)
from topologies.ports.request_keys import RequestKeys
from topologies.ports.search import Search
from topologies.ports.seen import Seen
from topologies.ports.url_key import UrlKey

CLAMD_SPARE_BYTES = 1024 * 1024  # clamd's StreamMaxLength must allow the largest mail and this


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What all processes of one deployment share.

    Attributes:
        blob_urls: None: clients do not reach the store of blobs.
    """

    clock: Clock
    log: WrittenLog
    reader: LogReader
    dead_letters: DeadLetters
    blobs: SweptBlobs
    directory: Directory
    mailboxes: Mailboxes
    request_keys: RequestKeys
    search: Search
    limits: Limits
    url_key: UrlKey
    blob_urls: BlobUrls | None = None


def services_of(
    settings: Settings, stores: Stores, notices: Notices, antivirus: Antivirus
) -> Services:
    """Return an answer for each port that stages name."""
    return {
        Antivirus: antivirus,
        AuthenticatePolicy: AuthenticatePolicy(
            dmarc_discovery=settings.dmarc_discovery,
            accepts_partial_bodies=settings.dkim_partial_bodies,
            trusted_sealers=tuple(name.lower() for name in settings.arc_trusted_sealers),
            honours_sealers=settings.arc_overrides_dmarc,
        ),
        Blobs: stores.blobs,
        Clock: stores.clock,
        Directory: stores.directory,
        EventLog: stores.log,
        Mailboxes: stores.mailboxes,
        Notices: notices,
        Resolver: DnsResolver(settings.dns_servers, settings.dns_timeout_s, stores.clock),
        ScorePolicy: ScorePolicy(spam_threshold=settings.spam_threshold),
        Search: stores.search,
        SpamClassifier: load_spam_model(Path(settings.data_dir) / OWN_MODEL),
    }


def acceptance_of(settings: Settings, stores: Stores, resolver: Resolver, seen: Seen) -> Acceptance:
    """Return what is asked before a mail is accepted.

    Raises:
        Misconfigured: A check needs what is not there, or has another's place.
    """
    return Acceptance(
        collect(),
        {
            Clock: stores.clock,
            Directory: stores.directory,
            DmarcRefusal: DmarcRefusal(is_on=settings.refuse_by_dmarc),
            DnsLists: DnsLists(block=settings.dns_block_lists, allow=settings.dns_allow_lists),
            Greylisting: Greylisting(is_on=settings.greylist, wait_s=settings.greylist_wait_s),
            Limits: stores.limits,
            MailRates: MailRates(
                per_client=settings.client_mails_per_hour,
                per_network=settings.network_mails_per_hour,
                per_sender=settings.sender_mails_per_hour,
                per_recipient=settings.recipient_mails_per_hour,
            ),
            Mailboxes: stores.mailboxes,
            NameLookups: NameLookups(is_on=settings.name_lookups),
            Resolver: resolver,
            Seen: seen,
        },
    )


def antivirus_of(settings: Settings) -> Antivirus:
    """Return who looks for malware: our rules, and clamd where there is one."""
    rules = RulesScanner()
    if not settings.clamd:
        return rules
    largest = settings.max_message_bytes + CLAMD_SPARE_BYTES
    return AllScanners(rules, ClamdAntivirus(settings.clamd, max_bytes=largest))
