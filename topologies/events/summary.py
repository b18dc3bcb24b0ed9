"""Facts on the way of what we report once a day to owners of other domains.

    DmarcSeen ─┐
               ├→ SummaryDue ⇄ SummaryLater… → MailOutgoing
    DeliveryAttempted ─┘

How mail in a domain's name fared here (DMARC), and how TLS to its hosts did (TLS-RPT), is gathered
by domain and day; what begins a day of a domain writes the `SummaryDue` that ends it.
"""

from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from topologies.events.base import Event

SummaryKind = Literal["tls", "dmarc"]


class DkimSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signature of a mail that was seen."""

    domain: str
    selector: str = ""
    result: str


class DmarcPublished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The policy that a mail was judged by (RFC 7489 §6.3)."""

    p: Literal["none", "quarantine", "reject"] = "none"
    sp: Literal["none", "quarantine", "reject"] = "none"
    adkim: Literal["r", "s"] = "r"
    aspf: Literal["r", "s"] = "r"
    pct: int = 100


class DmarcFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a mail in a domain's name fared; mails that fared alike have equal ones."""

    source: str  # the IP address that it came from
    header_from: str
    envelope_from: str = ""  # domain
    disposition: Literal["none", "quarantine", "reject"] = "none"
    reason: str = ""  # why that is not what the policy asks for (RFC 7489 §6.6.2)
    is_dkim_aligned: bool = False
    is_spf_aligned: bool = False
    dkim: tuple[DkimSeen, ...] = ()
    spf_domain: str = ""
    spf: str = "none"
    is_spf_of_helo: bool = False
    published: DmarcPublished = DmarcPublished()


class DmarcSeen(Event, frozen=True, kw_only=True, tag="dmarc.seen/1"):
    """A mail came in the name of a domain whose owner asks for reports."""

    mail_id: str
    domain: str  # whose policy it was judged by
    seen_at: datetime  # when it was received
    fact: DmarcFact

    @property
    def key(self) -> str:
        return self.domain


class SummaryDue(Event, frozen=True, kw_only=True, tag="summary.due/1"):
    """What was seen of a domain in a day is to be reported to its owner."""

    kind: SummaryKind
    domain: str
    day: date  # in UTC
    due_at: datetime
    to: str = ""  # the URL it is to be posted to; empty: ask who wants it, and send it to them
    tries: int = 0  # that came to nothing so far

    @property
    def key(self) -> str:
        return self.domain


class SummaryLater30m(SummaryDue, frozen=True, kw_only=True, tag="summary.later-30m/1"):
    """To be looked at again in half an hour."""


class SummaryLater4h(SummaryDue, frozen=True, kw_only=True, tag="summary.later-4h/1"):
    """To be looked at again in four hours."""


SUMMARY_WAITS: dict[timedelta, type[SummaryDue]] = {
    timedelta(minutes=30): SummaryLater30m,
    timedelta(hours=4): SummaryLater4h,
}
