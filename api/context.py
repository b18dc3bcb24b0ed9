"""What the HTTP API is given: settings, ports, and two questions only its host can answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.limits import Places
from connectors.settings import Settings
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.blob_urls import BlobUrls
from topologies.ports.blobs import Blobs
from topologies.ports.classifier import SpamClassifier
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.deliveries import Deliveries, Delivery
from topologies.ports.directory import Directory
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.domain_reports import DomainReports
from topologies.ports.figures import Flow
from topologies.ports.limits import Limits
from topologies.ports.log import EventLog, LogReader
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notices
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.push_key import PushKey
from topologies.ports.push_subscriptions import PushSubscriptions
from topologies.ports.request_keys import RequestKeys
from topologies.ports.restraints import Restraints
from topologies.ports.rules import Rules
from topologies.ports.scheduled import Scheduled
from topologies.ports.search import Search
from topologies.ports.second_factors import SecondFactors
from topologies.ports.snoozes import Snoozes
from topologies.ports.sts_policies import StsPolicies
from topologies.ports.suppressions import Suppressions
from topologies.ports.top_senders import TopSenders
from topologies.ports.tracer import Tracer
from topologies.ports.unsubscribes import Unsubscribes
from topologies.ports.url_key import UrlKey
from topologies.ports.webhooks import Webhooks
from topologies.room import Room
from topologies.topology import Topology

MESSAGES_BYTES = 256 * 1024**2  # in memory at once, however many send


def _nobody_counts(method: str, route: str, status: int, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that requests are answered with.

    Attributes:
        metrics: Returns the counts as text, and its content type.
        answered: Told of each request: its method, its route's template, status and seconds.
        tracer: Told of spans; None: nobody asks for them.
        health: Returns whether mail flows: ``ready``, ``reason`` and whatever helps.
        flow: Returns how mail flows through the stages of the whole deployment.
        patience_s: How long a change may take to be seen before 202 is answered.
        send_timeout_s: How long a socket's client may take to read one message.
        check_every_s: How often the token of a socket or stream is looked up again.
        quiet_s: After how long a stream of events that says nothing says that it is there.
        limits: Counts sign-ins that fail, to slow down who guesses.
        try_now: Lets deliveries be tried without waiting; returns the ids of those that will be.
        push_key: By which push services know us.
        url_key: Signs URLs of ours that need no token.
        blob_urls: The store from which clients fetch attachments themselves; None: they can't
            reach it, and fetch them from here.
        sockets: Open WebSockets and streams of events by user, of this process.
        sending: User and Idempotency-Key of what is being sent by this process now.
        room: In memory, for large messages that are being made.
    """

    settings: Settings
    clock: Clock
    log: EventLog
    directory: Directory
    mailboxes: Mailboxes
    blobs: Blobs
    search: Search
    notices: Notices
    dead_letters: DeadLetters
    deliveries: Deliveries
    contacts: Contacts
    unsubscribes: Unsubscribes
    snoozes: Snoozes
    scheduled: Scheduled
    personal_spam: PersonalSpam
    suppressions: Suppressions
    webhooks: Webhooks
    push_subscriptions: PushSubscriptions
    push_key: PushKey
    domain_reports: DomainReports
    sts_policies: StsPolicies
    try_now: Callable[[Sequence[Delivery]], Awaitable[Sequence[str]]]
    request_keys: RequestKeys
    limits: Limits
    app_passwords: AppPasswords
    second_factors: SecondFactors
    dkim_keys: DkimKeys
    restraints: Restraints
    rules: Rules
    url_key: UrlKey
    classifier: SpamClassifier
    blob_urls: BlobUrls | None = None
    metrics: Callable[[], tuple[bytes, str]]
    health: Callable[[], Awaitable[Mapping[str, Any]]]
    flow: Callable[[], Awaitable[Flow]]
    topology: Topology
    reader: LogReader
    top_senders: TopSenders
    patience_s: float = 5.0
    send_timeout_s: float = 10.0
    check_every_s: float = 60.0
    quiet_s: float = 20.0  # what stands between closes what is silent, often after half a minute
    answered: Callable[[str, str, int, float], None] = _nobody_counts
    tracer: Tracer | None = None
    sockets: Places = field(default_factory=Places)
    sending: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    room: Room = field(default_factory=lambda: Room(MESSAGES_BYTES))
