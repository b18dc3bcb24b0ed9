"""What the deployment wants, where the rules of mail leave it a choice."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatePolicy:
    """How far proofs of who sent a mail are believed."""

    dmarc_discovery: DmarcDiscovery = "psl"  # by public suffixes (RFC 7489), by the DNS (RFC 9989)
    accepts_partial_bodies: bool = False  # DKIM signatures that leave out the body's end (l=)
    trusted_sealers: tuple[str, ...] = ()  # domains whose ARC seals are believed, and those below
    honours_sealers: bool = False  # what DMARC asks to refuse is accepted when they vouch for it
