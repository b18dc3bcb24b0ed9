"""All settings, and the only reader of the environment.

A value comes from the environment (``RILLMAIL_HTTP_PORT``), else from the TOML
file that ``RILLMAIL_CONFIG`` names (``http_port = 8025``), else from here.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec

from topologies.errors import Misconfigured

PREFIX = "RILLMAIL_"
OTHERS_PREFIX = PREFIX + "SERVERS_"  # read by the scripts in servers/, not by us
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Processes = Annotated[int, msgspec.Meta(ge=0, le=64)]
Partitions = Annotated[int, msgspec.Meta(ge=1, le=256)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
NotNegativeSeconds = Annotated[float, msgspec.Meta(ge=0)]
# RFC 5321 §4.1.2: a name of letters, digits and hyphens, or an address in brackets; empty: none.
Hostname = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_.-]*|\[[A-Za-z0-9:.]+\])\Z")]
Names = tuple[str, ...]  # in the environment: with commas between
Profile = Literal["embedded", "cluster"]
DeliveryTls = Literal["never", "may", "must"]
Streams = tuple[Literal["default", "transactional", "marketing"], ...]
DmarcDiscovery = Literal["psl", "tree"]
LogLevel = Literal["debug", "info", "warning", "error"]
MalwareAction = Literal["reject", "quarantine", "tag", "deliver"]
KafkaMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]

# What nobody may read: shown nowhere.
SECRETS = frozenset(
    {
        "dkim_secret",
        "relay_password",
        "kafka_password",
        "cassandra_password",
        "elasticsearch_password",
        "elasticsearch_api_key",
        "redis_password",
        "s3_access_key",
        "s3_secret_key",
    }
)
HIDDEN = "…"  # is shown for it
_PLACE = re.compile(r"`\$\.(\w+)")  # in what msgspec says of a value
_UNKNOWN_FIELD = re.compile(r"unknown field `(.+)`")
_IN_URL = re.compile(r"(?<=://)[^/@]+(?=@)")  # a user, and maybe a password


def means(meaning: str) -> msgspec.Meta:
    """Return the annotation that says what a setting means."""
    return msgspec.Meta(description=meaning)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set, and what it means: `rillmail settings` lists just this."""

    profile: Annotated[Profile, means("one process, or each role one of its own")] = "embedded"
    data_dir: Annotated[str, means("the folder that holds everything durable")] = "data"
    host: Annotated[str, means("the address that all servers listen on")] = "127.0.0.1"
    smtp_port: Annotated[Port, means("for other mail servers; 0, here and below: any free")] = 2525
    smtps_port: Annotated[
        Port, means("for mail servers that begin in TLS; needs a certificate; 0: not opened")
    ] = 0
    lmtp_port: Annotated[Port, means("for a mail server of our own (RFC 2033)")] = 2424
    submission_port: Annotated[Port, means("for users; not opened without a certificate")] = 2587
    submissions_port: Annotated[
        Port, means("for users who begin in TLS; not opened without a certificate")
    ] = 2465
    http_port: Annotated[Port, means("for the API and the webmail")] = 8025
    health_port: Annotated[Port, means("of a worker without the API: health and metrics")] = 0
    public_url: Annotated[str, means("how clients reach the API; empty: http://HOST:PORT")] = ""
    hostname: Annotated[Hostname, means("our name in SMTP and Received; empty: the machine's")] = ""
    tls_certificate: Annotated[
        str, means("PEM file with the chain; enables STARTTLS; read anew when it changes")
    ] = ""
    tls_key: Annotated[str, means("PEM file with the private key")] = ""
    submission_certificate: Annotated[
        str, means("the same for the ports of users; empty: as for other mail servers")
    ] = ""
    submission_key: Annotated[str, means("PEM file with its private key")] = ""
    smtp_processes: Annotated[
        Processes, means("beside the service that take mail at one port; 0: it does so itself")
    ] = 1
    max_message_bytes: Annotated[Positive, means("of the largest message accepted")] = 25 * 1024**2
    max_recipients: Annotated[Positive, means("of one SMTP transaction")] = 100
    max_sessions: Annotated[Positive, means("SMTP sessions at once; further ones get 421")] = 2_000
    max_client_sessions: Annotated[
        NotNegative, means("of them from one address of strangers; 0: any number")
    ] = 100
    max_network_sessions: Annotated[
        NotNegative, means("of them from one /24 of IPv4 or /64 of IPv6; 0: any number")
    ] = 400
    max_session_mails: Annotated[NotNegative, means("in one SMTP session; 0: any number")] = 0
    # RFC 5321 §4.5.3.2: five minutes
    session_timeout_s: Annotated[Positive, means("how long an SMTP client may be silent")] = 300
    min_bytes_per_s: Annotated[
        NotNegative, means("of a message that is sent slower for a minute: 421; 0: any")
    ] = 50
    tarpit_s: Annotated[
        NotNegativeSeconds, means("longer with each error of a stranger after five; 0: off")
    ] = 0.05
    trusted_networks: Annotated[
        Names, means("whose SMTP clients no limit, list, greylist and DMARC refusal is for")
    ] = ()
    proxy_networks: Annotated[
        Names, means("whose SMTP clients begin with a PROXY v2 header; nobody else may")
    ] = ()
    client_mails_per_hour: Annotated[NotNegative, means("from one address; 0: any number")] = 0
    network_mails_per_hour: Annotated[
        NotNegative, means("from one /24 of IPv4 or /64 of IPv6; 0: any number")
    ] = 0
    sender_mails_per_hour: Annotated[NotNegative, means("of one sender; 0: any number")] = 0
    recipient_mails_per_hour: Annotated[NotNegative, means("for one mailbox; 0: any number")] = 0
    dns_block_lists: Annotated[Names, means("zones; whom they list is refused (RFC 5782)")] = ()
    dns_allow_lists: Annotated[Names, means("zones; whom they list is not for that")] = ()
    name_lookups: Annotated[bool, means("ask the DNS what SMTP clients are called")] = False
    greylist: Annotated[bool, means("ask strangers to come again (RFC 6647)")] = False
    greylist_wait_s: Annotated[Positive, means("how long greylisted ones wait")] = 300
    refuse_by_dmarc: Annotated[
        bool, means("refuse at once what the domain in From wishes to be rejected (RFC 7489)")
    ] = False
    default_quota_bytes: Annotated[NotNegative, means("of new users; 0: no limit")] = 0
    partitions: Annotated[Partitions, means("of each topic")] = 4
    in_flight: Annotated[Positive, means("events of one partition worked on at once")] = 64
    log_max_bytes: Annotated[Positive, means("the log refuses more beyond")] = 20 * 1024**3
    log_retention_hours: Annotated[Positive, means("how long read records are kept")] = 7 * 24
    disk_reserve_bytes: Annotated[NotNegative, means("disk kept free: 452, 507")] = 512 * 1024**2
    cuts: Annotated[Names, means('topics of the steps to cut; "all" cuts each')] = ()
    taps: Annotated[Names, means('topics of the steps to publish besides; "all": each')] = ()
    dns_servers: Annotated[Names, means("whom to ask; empty: as the machine is set up")] = ()
    dns_timeout_s: Annotated[Seconds, means("how long to wait for a DNS answer")] = 3.0
    dmarc_discovery: Annotated[
        DmarcDiscovery, means("who an organization is: by public suffixes, or the DNS (RFC 9989)")
    ] = "psl"
    dkim_partial_bodies: Annotated[
        bool, means("believe DKIM signatures that leave out the end of the body (l=)")
    ] = False
    arc_trusted_sealers: Annotated[
        Names, means("domains that may vouch, by ARC, for mail they have changed")
    ] = ()
    arc_overrides_dmarc: Annotated[
        bool, means("do not set aside mail that fails DMARC if they vouch for it")
    ] = False
    spam_threshold: Annotated[Probability, means("from here on: the spam folder")] = 0.9
    dkim_secret: Annotated[
        str, means("seals private keys and other secrets in Cassandra; empty: in clear")
    ] = ""
    outgoing_spam_threshold: Annotated[
        Probability, means("from here on a user's mail is not let out")
    ] = 0.999
    bad_mails_throttle: Annotated[
        NotNegative, means("refused in a day: who sent so many may send a tenth; 0: never")
    ] = 3
    bad_mails_suspend: Annotated[
        NotNegative, means("refused in a day: who sent so many may send nothing; 0: never")
    ] = 10
    user_sends_per_hour: Annotated[
        NotNegative, means("mails of one user; each ten recipients count as one; 0: any number")
    ] = 500
    user_sends_per_day: Annotated[NotNegative, means("the same in a day; 0: any number")] = 2_000
    undo_s: Annotated[
        NotNegative, means("for how long a mail sent by the API can be taken back, by default")
    ] = 0
    domain_sends_per_hour: Annotated[
        NotNegative, means("the same of all users of one domain; 0: any number")
    ] = 0
    suppress_bounced_days: Annotated[
        NotNegative, means("an address that does not exist is not written to again; 0: it is")
    ] = 14
    suppress_complained_days: Annotated[
        NotNegative, means("the same of who reported a mail as spam; 0: it is")
    ] = 365
    verp_streams: Annotated[
        Streams, means("whose mails have a reverse-path of their own, by which bounces are known")
    ] = ("transactional", "marketing")
    delay_notices: Annotated[bool, means("tell a sender once that a mail is late")] = True
    relay_host: Annotated[
        str, means("HOST or HOST:PORT that takes all mail for others; empty: each domain's own")
    ] = ""
    relay_user: Annotated[str, means("who we are there; empty: it asks for no password")] = ""
    relay_password: Annotated[str, means("sent to the relay within TLS alone")] = ""
    delivery_port: Annotated[Port, means("of other systems' mail servers")] = 25
    delivery_tls: Annotated[
        DeliveryTls, means("never, may (where the other offers it) or must")
    ] = "may"
    delivery_ca_file: Annotated[
        str, means("PEM file of authorities to believe besides the machine's")
    ] = ""
    delivery_ipv6: Annotated[bool, means("try IPv6 addresses too, after IPv4")] = True
    delivery_to_private: Annotated[
        bool, means("deliver to private and loopback addresses that the DNS names")
    ] = False
    webhooks_to_private: Annotated[
        bool, means("let webhooks be at private and loopback addresses, and without TLS")
    ] = False
    delivery_connect_timeout_s: Annotated[Seconds, means("to connect to a mail server")] = 30.0
    # RFC 5321 §4.5.3.2: five minutes; the others follow from it in its proportions
    delivery_timeout_s: Annotated[
        Seconds, means("for its answers; two fifths of it to DATA, twice after the message")
    ] = 300.0
    delivery_connections: Annotated[Positive, means("to one destination at once at most")] = 20
    delivery_idle_s: Annotated[
        NotNegativeSeconds, means("a session is kept for the next mail; 0: not at all")
    ] = 10.0
    delivery_session_mails: Annotated[Positive, means("in one session at most")] = 100
    source_addresses: Annotated[
        Names, means("[STREAM=]ADDRESS each: where mail of that stream leaves; empty: any")
    ] = ()
    source_daily_caps: Annotated[
        Names, means("ADDRESS=MAILS each: how many it may send a day while it is warmed up")
    ] = ()
    mta_sts: Annotated[bool, means("keep to the TLS policies that domains publish (RFC 8461)")] = (
        True
    )
    dane: Annotated[
        bool, means("believe TLSA records (RFC 7672): dns_servers validate, on a safe way to them")
    ] = False
    tls_reports: Annotated[
        bool, means("report once a day to domains that ask how TLS to their hosts did (RFC 8460)")
    ] = False
    dmarc_reports: Annotated[
        bool, means("report once a day to domains that ask how mail in their name fared (DMARC)")
    ] = False
    reports_from: Annotated[
        str, means("the sender of both, at a domain of ours; empty: postmaster at hostname's")
    ] = ""
    token_hours: Annotated[
        Positive, means("how long a sign-in lasts; with refresh tokens: since the last turn")
    ] = 24 * 30
    access_minutes: Annotated[
        Positive, means("how long an access token lasts that came with a refresh token")
    ] = 60
    delete_grace_days: Annotated[
        NotNegative, means("a deleted user is kept suspended first; 0: gone at once")
    ] = 30
    trash_days: Annotated[
        NotNegative, means("what lies in trash for longer is deleted; 0: it stays")
    ] = 30
    spam_days: Annotated[
        NotNegative, means("what lies in spam for longer is deleted; 0: it stays")
    ] = 30
    restorable_days: Annotated[
        NotNegative, means("what users delete for good can be restored so long; 0: it is gone")
    ] = 7
    kafka_servers: Annotated[Names, means("of the cluster: host:port")] = ("127.0.0.1:19092",)
    kafka_tls: Annotated[bool, means("speak TLS to Kafka; its hosts must prove their names")] = (
        False
    )
    kafka_ca_file: Annotated[
        str, means("PEM file of authorities to believe of Kafka; empty: the machine's")
    ] = ""
    kafka_certificate: Annotated[
        str, means("PEM file that shows Kafka who we are, with the chain; empty: none")
    ] = ""
    kafka_key: Annotated[str, means("PEM file with its private key")] = ""
    kafka_user: Annotated[str, means("who we are in Kafka (SASL), within TLS alone")] = ""
    kafka_password: Annotated[str, means("belongs to it")] = ""
    kafka_mechanism: Annotated[KafkaMechanism, means("how the password is proven")] = (
        "SCRAM-SHA-512"
    )
    kafka_replication: Annotated[Positive, means("copies of each partition in Kafka")] = 1
    topic_prefix: Annotated[str, means("before each topic's name, for several on one Kafka")] = ""
    cassandra_hosts: Annotated[Names, means("of the cluster: host:port")] = ("127.0.0.1:9042",)
    cassandra_tls: Annotated[
        bool, means("speak TLS to Cassandra; its nodes must prove their addresses")
    ] = False
    cassandra_ca_file: Annotated[
        str, means("PEM file of authorities to believe of Cassandra; empty: the machine's")
    ] = ""
    cassandra_certificate: Annotated[
        str, means("PEM file that shows Cassandra who we are, with the chain; empty: none")
    ] = ""
    cassandra_key: Annotated[str, means("PEM file with its private key")] = ""
    cassandra_user: Annotated[str, means("our role in Cassandra, within TLS alone")] = ""
    cassandra_password: Annotated[str, means("belongs to it")] = ""
    cassandra_keyspace: Annotated[str, means("where the tables lie")] = "rillmail"
    cassandra_replication: Annotated[Positive, means("copies of each row in Cassandra")] = 1
    elasticsearch_urls: Annotated[Names, means("of the cluster")] = ("http://127.0.0.1:9200",)
    elasticsearch_ca_file: Annotated[
        str, means("PEM file of authorities to believe, for https; empty: the machine's")
    ] = ""
    elasticsearch_user: Annotated[str, means("who we are there, with https alone")] = ""
    elasticsearch_password: Annotated[str, means("belongs to it")] = ""
    elasticsearch_api_key: Annotated[
        str, means("instead of both, as Elasticsearch gives it out (encoded)")
    ] = ""
    elasticsearch_index: Annotated[str, means("the name of the index of mails")] = "rillmail"
    elasticsearch_shards: Annotated[Positive, means("of an index that is made")] = 1
    elasticsearch_replication: Annotated[Positive, means("copies of each shard of it")] = 1
    redis_url: Annotated[str, means("of Redis, with the number of the database")] = (
        "redis://127.0.0.1:6379/0"
    )
    redis_ca_file: Annotated[
        str, means("PEM file of authorities to believe, for rediss://; empty: the machine's")
    ] = ""
    redis_certificate: Annotated[
        str, means("PEM file that shows Redis who we are, with the chain; empty: none")
    ] = ""
    redis_key: Annotated[str, means("PEM file with its private key")] = ""
    redis_user: Annotated[
        str, means("who we are there (ACL), with rediss:// alone; empty: its default user")
    ] = ""
    redis_password: Annotated[str, means("belongs to it")] = ""
    s3_url: Annotated[str, means("of the S3 service; empty: Amazon's")] = "http://127.0.0.1:9000"
    s3_ca_file: Annotated[
        str, means("PEM file of authorities to believe, for https; empty: the machine's")
    ] = ""
    s3_public_url: Annotated[
        str, means("how clients reach it to download; empty: they download from the API")
    ] = ""
    s3_region: Annotated[str, means("of the bucket")] = "us-east-1"
    s3_bucket: Annotated[str, means("for raw messages and attachments")] = "rillmail"
    s3_access_key: Annotated[str, means("empty: as the machine is set up")] = ""
    s3_secret_key: Annotated[str, means("belongs to the access key")] = ""
    on_malware: Annotated[
        MalwareAction, means("malware found: reject, quarantine, tag or deliver the mail")
    ] = "quarantine"
    on_suspicious: Annotated[
        MalwareAction, means("a file made to run by itself or to deceive: the same")
    ] = "quarantine"
    on_executable: Annotated[
        MalwareAction, means("a program or script, by itself or in an archive: the same")
    ] = "quarantine"
    on_macro: Annotated[MalwareAction, means("a document with macros or scripts: the same")] = "tag"
    on_encrypted: Annotated[MalwareAction, means("an archive or document with a password")] = "tag"
    on_bomb: Annotated[
        MalwareAction, means("an archive that unpacks to very much more than it is")
    ] = "quarantine"
    on_unscannable: Annotated[MalwareAction, means("what can't be looked into otherwise")] = "tag"
    yara_rules: Annotated[
        str, means("a folder of YARA rules of your own (*.yar); empty: ours alone")
    ] = ""
    clamd: Annotated[str, means("host:port or socket of clamd; empty: rules alone")] = ""
    indexed_files_bytes: Annotated[
        NotNegative, means("of text of a mail's attachments that can be searched; 0: none")
    ] = 256 * 1024
    log_level: Annotated[LogLevel, means("the least that is logged")] = "info"
    otlp_endpoint: Annotated[
        str, means("of an OpenTelemetry collector, http://HOST:4318; empty: no traces")
    ] = ""
    trace_ratio: Annotated[
        Probability, means("of mails that come in, and of requests, that are traced")
    ] = 0.01

    def __repr__(self) -> str:
        """Return what differs from the defaults; secrets are hidden, as in ``shown``."""
        told = ", ".join(
            f"{field.name}={shown(field.name, value)!r}"
            for field in msgspec.structs.fields(Settings)
            if (value := getattr(self, field.name)) != field.default
        )
        return f"Settings({told})"


def shown(name: str, value: Any) -> Any:
    """Return what people may see of the setting *name*: of a secret, whether there is one."""
    if name in SECRETS:
        return HIDDEN if value else value
    if isinstance(value, tuple):
        return tuple(shown(name, each) for each in cast("tuple[Any, ...]", value))
    return _IN_URL.sub(HIDDEN, value) if isinstance(value, str) else value


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        Misconfigured: A name is unknown or a value does not fit; says which and where.
    """
    env = os.environ if environment is None else environment
    values: dict[str, Any] = _from_file(env.get(PREFIX + "CONFIG"))
    for field in msgspec.structs.fields(Settings):
        name = PREFIX + field.name.upper()
        if name in env:
            text = env[name]
            values[field.name] = (
                tuple(filter(None, (item.strip() for item in text.split(","))))
                if isinstance(field.default, tuple)
                else text
            )
    known = {f.name for f in msgspec.structs.fields(Settings)} | {"config"}
    for name in env:
        if not name.startswith(PREFIX) or name.startswith(OTHERS_PREFIX):
            continue
        if name[len(PREFIX) :].lower() not in known:
            raise Misconfigured(f"{name} is no setting; `rillmail settings` lists them")
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(_by_name(str(error))) from error


def _by_name(told: str) -> str:
    """Return what msgspec has *told*, with the setting's name instead of its place."""
    words, _, place = told.partition(" - at ")
    if name := _PLACE.match(place):
        return f"{PREFIX}{name[1].upper()}: {words}; `rillmail settings` tells what it may be"
    if unknown := _UNKNOWN_FIELD.search(told):
        return f"{PREFIX}CONFIG: {unknown[1]} is no setting; `rillmail settings` lists them"
    return f"settings: {told}"


def _from_file(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{PREFIX}CONFIG={path}: {error}") from error
