"""Every figure that `/metrics` tells: one list, of which the registry and docs/metrics.md are made.

A figure that is not here can't be told, and a label has few values: what the world decides (whom
we deliver to, which paths are asked) is told for the largest by name, and for the others as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
# Which processes tell it: those that run stages, take mail, serve HTTP; embedded, one is all.
Teller = Literal["stages", "smtp", "http", "deliveries", "embedded", "cluster", "all"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
LONG_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0)
OTHER = "other"  # whom or what is not told by name
MOST_PEERS = 50  # told by name
MOST_DESTINATIONS = 10

RESULTS = ("done", "again", "poison", "exhausted", "bug")
VERDICTS = ("ham", "spam", "infected", "unscannable")
CLASSES = ("2xx", "3xx", "4xx", "5xx")
DEPENDENCIES = ("Kafka", "Cassandra", "S3", "Elasticsearch", "Redis", "clamd")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", OTHER)
# What SMTP answers are about, by their enhanced code (RFC 3463 §3): its last two numbers, else
# the first of them.
REASONS: Mapping[str, str] = {
    "1.1": "no such mailbox",
    "1": "address",
    "2.2": "mailbox full",
    "2": "mailbox",
    "3.1": "no space",
    "3.2": "too many, or stopping",
    "3.4": "too big",
    "3": "out of reach",
    "4.2": "silence",
    "4.6": "loop",
    "4": "network",
    "5.3": "too many recipients",
    "5": "protocol",
    "6": "content",
    "7.8": "sign-in",
    "7": "policy",
}
NO_REASON = "none"  # all went well, or the reply says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure.

    Attributes:
        unit: What is counted or measured.
        labels: Of each what its values are: all of them, or what they are named after in words.
        help: One sentence.
        told_by: By whom; what is of the whole deployment is told by several alike.
        buckets: Of a histogram, their upper ends.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    labels: Mapping[str, tuple[str, ...] | str] = field(
        default_factory=dict[str, tuple[str, ...] | str]
    )
    told_by: Teller = "all"
    buckets: tuple[float, ...] = SECONDS


STAGE = {"stage": "stages, by `rillmail topology`"}
GROUP = {"group": "stages that head a chain, and `PATH-replay`"}
PROCESS = {"process": "1, 2, … beside the service; 0: itself"}

STAGE_RECORDS = Figure(
    name="rillmail_stage_records_total",
    kind="counter",
    unit="tries",
    help="Tries of records by stage and result; `again` is a retry",
    labels=STAGE | {"result": RESULTS},
    told_by="stages",
)
STAGE_SECONDS = Figure(
    name="rillmail_stage_seconds",
    kind="histogram",
    unit="seconds",
    help="How long one try took, by stage",
    labels=STAGE,
    told_by="stages",
)
OLDEST_SECONDS = Figure(
    name="rillmail_oldest_seconds",
    kind="gauge",
    unit="seconds",
    help="For how long the oldest record has been tried again and again, by stage",
    labels=STAGE,
    told_by="stages",
)
WAITING = Figure(
    name="rillmail_waiting_records",
    kind="gauge",
    unit="records",
    help="Records that wait to be tried again",
    told_by="stages",
)
LAG_RECORDS = Figure(
    name="rillmail_lag_records",
    kind="gauge",
    unit="records",
    help="Records that a consumer group has before it",
    labels=GROUP,
    told_by="stages",
)
LAG_SECONDS = Figure(
    name="rillmail_lag_seconds",
    kind="gauge",
    unit="seconds",
    help="Age of the oldest record that a consumer group has before it; 0: it has none",
    labels=GROUP,
    told_by="stages",
)
LATER = Figure(
    name="rillmail_later_records",
    kind="gauge",
    unit="records",
    help="Records that wait for their time, by topic: the queue by how long it waits",
    labels={"topic": "topics with a delay: `delivery.later.*`, `mail.held.*`"},
    told_by="deliveries",
)
DEAD = Figure(
    name="rillmail_dead_letters",
    kind="gauge",
    unit="records",
    help="Records that no stage could pass and nobody has settled, by path",
    labels={"path": ("inbound", "mailbox", "outbound", "feedback")},
    told_by="stages",
)
BURIED = Figure(
    name="rillmail_buried_total",
    kind="counter",
    unit="records",
    help="Records that became dead letters, by the stage that could not pass them",
    labels=STAGE | {"kind": ("poison", "exhausted", "bug")},
    told_by="stages",
)
MAILS = Figure(
    name="rillmail_mails_total",
    kind="counter",
    unit="mails",
    help="Received mails by verdict",
    labels={"verdict": VERDICTS},
    told_by="stages",
)
UNDELIVERABLE = Figure(
    name="rillmail_undeliverable_total",
    kind="counter",
    unit="recipients",
    help="Recipients here who could not be reached",
    told_by="stages",
)
END_TO_END = Figure(
    name="rillmail_end_to_end_seconds",
    kind="histogram",
    unit="seconds",
    help="From 250 or 202 until a copy is in its mailbox, and until listeners were told",
    labels={"until": ("stored", "notified")},
    told_by="stages",
    buckets=LONG_SECONDS,
)
DELIVERIES = Figure(
    name="rillmail_deliveries_total",
    kind="counter",
    unit="recipients",
    help="Recipients at other systems that were tried, by what came of it",
    labels={"status": ("delivered", "deferred", "failed")},
    told_by="deliveries",
)
PEER_ANSWERS = Figure(
    name="rillmail_peer_answers_total",
    kind="counter",
    unit="recipients",
    help="What other systems answered, by the recipients' domain",
    labels={
        "peer": f"the first {MOST_PEERS} domains that were tried often, and `{OTHER}`",
        "answer": (*CLASSES, "none"),
    },
    told_by="deliveries",
)
QUEUE = Figure(
    name="rillmail_queue_deliveries",
    kind="gauge",
    unit="deliveries",
    help="Deliveries that were put off or are held, by destination; looked up once a minute",
    labels={"destination": f"the {MOST_DESTINATIONS} with most, and `{OTHER}`"},
    told_by="deliveries",
)
SMTP_SESSIONS = Figure(
    name="rillmail_smtp_sessions",
    kind="gauge",
    unit="sessions",
    help="Clients that are connected",
    labels=PROCESS,
    told_by="smtp",
)
SMTP_REPLIES = Figure(
    name="rillmail_smtp_replies_total",
    kind="counter",
    unit="replies",
    help="Replies to SMTP and LMTP commands, by class and by what they are about (RFC 3463)",
    labels=PROCESS | {"code": CLASSES, "reason": (NO_REASON, *REASONS.values())},
    told_by="smtp",
)
SMTP_RESTARTS = Figure(
    name="rillmail_smtp_process_restarts_total",
    kind="counter",
    unit="restarts",
    help="How often a process that takes mail was started again",
    labels=PROCESS,
    told_by="smtp",
)
SMTP_CPU = Figure(
    name="rillmail_smtp_process_cpu_seconds_total",
    kind="counter",
    unit="seconds",
    help="CPU seconds of its life",
    labels=PROCESS,
    told_by="smtp",
)
SMTP_MEMORY = Figure(
    name="rillmail_smtp_process_resident_memory_bytes",
    kind="gauge",
    unit="bytes",
    help="Memory that it holds",
    labels=PROCESS,
    told_by="smtp",
)
HTTP_SECONDS = Figure(
    name="rillmail_http_seconds",
    kind="histogram",
    unit="seconds",
    help="How long a request took until its answer was sent, by the route's template",
    labels={
        "method": METHODS,
        "route": f"paths of /openapi.json, as they stand there, and `{OTHER}`",
        "status": CLASSES,
    },
    told_by="http",
)
READY = Figure(
    name="rillmail_ready",
    kind="gauge",
    unit="1 or 0",
    help="Whether this process does what it is for, as `/readyz` tells with the reason",
)
DEPENDENCY_UP = Figure(
    name="rillmail_dependency_up",
    kind="gauge",
    unit="1 or 0",
    help="Whether an engine answered the last time it was looked for, each five seconds",
    labels={"dependency": DEPENDENCIES},
    told_by="cluster",
)
DEPENDENCY_SECONDS = Figure(
    name="rillmail_dependency_seconds",
    kind="histogram",
    unit="seconds",
    help="How long an engine took to answer that look; those it did not answer count as long",
    labels={"dependency": DEPENDENCIES},
    told_by="cluster",
)
LOG_BYTES = Figure(
    name="rillmail_log_bytes",
    kind="gauge",
    unit="bytes",
    help="What the log holds",
    told_by="embedded",
)
LOG_LIMIT = Figure(
    name="rillmail_log_limit_bytes",
    kind="gauge",
    unit="bytes",
    help="From here on the log takes no more, and senders are told 452 (`log_max_bytes`)",
    told_by="embedded",
)
DISK_FREE = Figure(
    name="rillmail_disk_free_bytes",
    kind="gauge",
    unit="bytes",
    help="Room on the disk of the data folder",
)
DISK_RESERVE = Figure(
    name="rillmail_disk_reserve_bytes",
    kind="gauge",
    unit="bytes",
    help="With less room than that nothing is taken any more (`disk_reserve_bytes`)",
)
CERTIFICATE_EXPIRY = Figure(
    name="rillmail_certificate_expiry_timestamp_seconds",
    kind="gauge",
    unit="Unix time",
    help="When the certificate expires that clients are offered",
    labels={"certificate": ("smtp", "submission")},
    told_by="smtp",
)

FIGURES: tuple[Figure, ...] = (
    *(STAGE_RECORDS, STAGE_SECONDS, OLDEST_SECONDS, WAITING, LAG_RECORDS, LAG_SECONDS, LATER),
    *(DEAD, BURIED, MAILS, UNDELIVERABLE, END_TO_END, DELIVERIES, PEER_ANSWERS, QUEUE),
    *(SMTP_SESSIONS, SMTP_REPLIES, SMTP_RESTARTS, SMTP_CPU, SMTP_MEMORY, HTTP_SECONDS, READY),
    *(DEPENDENCY_UP, DEPENDENCY_SECONDS, LOG_BYTES, LOG_LIMIT, DISK_FREE, DISK_RESERVE),
    CERTIFICATE_EXPIRY,
)
# Of the process itself, told by the client library everywhere.
OF_THE_PROCESS = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
)


def code_class(code: int) -> str:
    """Return the class of an SMTP reply or HTTP status: ``4xx``; what is none counts as ``5xx``."""
    return f"{code // 100}xx" if 200 <= code < 600 else "5xx"


def reason_of(reply: str) -> str:
    """Return what an SMTP *reply* is about, by its enhanced code; its first nine characters do."""
    if reply[:1] not in ("4", "5"):
        return NO_REASON
    subject = reply[4:9].partition(".")[2].strip()
    return REASONS.get(subject) or REASONS.get(subject[:1], NO_REASON)
