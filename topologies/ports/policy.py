"""What the deployment wants, where the rules of mail leave it a choice."""

from dataclasses import dataclass
from typing import Literal

from topologies.events.inbound import FindingKind, MalwareAction
from topologies.events.outbound import Stream

DmarcDiscovery = Literal["psl", "tree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePolicy:
    """From when on a mail is spam."""

    spam_threshold: float = 0.9  # of probability, 0 … 1; from here on: the spam folder


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRates:
    """How many mails an hour are taken at most; 0: any number."""

    per_client: int = 0  # from one IP address
    per_network: int = 0  # from one /24 of IPv4 or /64 of IPv6
    per_sender: int = 0  # of one reverse-path; bounces have none
    per_recipient: int = 0  # for one mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsLists:
    """Zones of the DNS in which clients are listed (RFC 5782)."""

    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()  # what these list is not refused for what those list
    deadline_s: float = 3.0  # for all zones together; the client waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Greylisting:
    """Whether strangers are asked to come again (RFC 6647)."""

    is_on: bool = False
    wait_s: float = 300.0  # before they are let in


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLookups:
    """Whether the DNS is asked for the names of clients."""

    is_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRefusal:
    """Whether a mail is refused when the domain in From wishes it (RFC 7489 §10.3)."""

    is_on: bool = False
    discovery: DmarcDiscovery = "psl"  # as in AuthenticatePolicy
    tells_owners: bool = False  # the same


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatePolicy:
    """How far proofs of who sent a mail are believed."""

    dmarc_discovery: DmarcDiscovery = "psl"  # by public suffixes (RFC 7489), by the DNS (RFC 9989)
    accepts_partial_bodies: bool = False  # DKIM signatures that leave out the body's end (l=)
    trusted_sealers: tuple[str, ...] = ()  # domains whose ARC seals are believed, and those below
    honours_sealers: bool = False  # what DMARC asks to refuse is accepted when they vouch for it
    tells_owners: bool = False  # how mail fared is told to whoever publishes a policy and asks


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPolicy:
    """Who we are to push services."""

    contact: str  # whom they may write to, as a URI (RFC 8292 §2.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPolicy:
    """What senders are told about their mail, and by whom."""

    hostname: str  # ours: who reports
    is_delay_told: bool = True  # once, when a mail has waited for some hours


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPolicy:
    """What owners of other domains are told once a day, if they ask for it.

    Attributes:
        sender: Our address; empty: postmaster at the domain that ``hostname`` is of.
    """

    hostname: str
    tells_tls: bool = False  # how TLS to their hosts did (RFC 8460)
    tells_dmarc: bool = False  # how mail in their name fared (RFC 7489 §7.2)
    sender: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionPolicy:
    """For how long addresses are not written to any more."""

    bounced_days: int = 14  # whose mailbox does not exist; 0: that alone suppresses nothing
    complained_days: int = 365  # whose owner reported a mail as spam; 0: the same


@dataclass(frozen=True, slots=True, kw_only=True)
class SignPolicy:
    """Who we are in what we add to a mail, and where bounces go.

    Attributes:
        hostname: Ours, in Received.
        verp_streams: Whose mails have a reverse-path of their own for each recipient, by which
            bounces are known.
    """

    hostname: str
    verp_streams: tuple[Stream, ...] = ("transactional", "marketing")


@dataclass(frozen=True, slots=True, kw_only=True)
class MalwarePolicy:
    """What follows from each kind of finding in a mail."""

    malware: MalwareAction = "quarantine"
    suspicious: MalwareAction = "quarantine"
    executable: MalwareAction = "quarantine"
    macro: MalwareAction = "tag"
    encrypted: MalwareAction = "tag"
    bomb: MalwareAction = "quarantine"
    unscannable: MalwareAction = "tag"

    def action_on(self, kind: FindingKind) -> MalwareAction:
        """Return what follows from a finding of *kind*."""
        action: MalwareAction = getattr(self, kind)
        return action


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRates:
    """How many mails users may send; each ten recipients begun count as one. 0: any number."""

    user_per_hour: int = 500
    user_per_day: int = 2_000
    domain_per_hour: int = 0  # of all users of one domain


@dataclass(frozen=True, slots=True, kw_only=True)
class VetPolicy:
    """From when on a mail of ours is not let out, and its sender may send less."""

    spam_threshold: float = 0.999  # of probability, 0 … 1
    bad_mails_throttle: int = 3  # in a day; 0: never
    bad_mails_suspend: int = 10
