"""Facts on the way of a mail that one of our users sends.

    MailSubmitted → MailVetted → MailOutgoing → DeliveryDue ⇄ DeliveryLater…
                                                     ↓
                                              DeliveryAttempted

A mail is split by the domains that its recipients are at: each such part is a *delivery*, is
attempted as one, and has one state for each of its recipients.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from topologies.events.base import Event
from topologies.events.inbound import Authentication, BodyType, DeliveryWishes, TlsRequired
from topologies.events.message import BlobId, Message

SubmissionOrigin = Literal["api", "submission"]
# Which source addresses and which warm-up a mail goes by, so that the one's reputation is not
# the other's.
Stream = Literal["default", "transactional", "marketing"]


class MailSubmitted(Event, frozen=True, kw_only=True, tag="mail.submitted/1"):
    """A user sent a message and was told 202 or 250: it must not be lost."""

    mail_id: str  # UUIDv7
    submitted_at: datetime
    user_id: str  # the sender
    mail_from: str  # the sender's address
    recipients: tuple[str, ...]  # to, cc and bcc, without duplicates
    bcc: tuple[str, ...] = ()  # shown in the sender's own copy only
    size_bytes: int  # of the raw message
    raw: bytes | None = None  # the message without Bcc while small, CRLF line ends
    raw_blob: BlobId | None = None
    origin: SubmissionOrigin = "api"
    client_ip: str = ""  # of whom was signed in; empty when not known
    stream: Stream = "default"
    smtputf8: bool = False  # RFC 6531: an address or a header needs it
    body_type: BodyType = "8BITMIME"  # RFC 6152
    wishes: DeliveryWishes | None = None  # RFC 3461; None: the sender had none
    draft_id: str = ""  # the draft that is sent, if it is one
    draft_version: str = ""
    tls_required: TlsRequired = ""  # RFC 8689

    @property
    def key(self) -> str:
        return self.mail_id

    @property
    def own_id(self) -> str:
        return self.mail_id


class MailHeld(MailSubmitted, frozen=True, kw_only=True, tag="mail.held/1"):
    """A user sent a message for later, and may take it back until then."""

    due_at: datetime  # when it is sent


class MailHeld5s(MailHeld, frozen=True, kw_only=True, tag="mail.held-5s/1"):
    """To be looked at again in five seconds."""


class MailHeld1m(MailHeld, frozen=True, kw_only=True, tag="mail.held-1m/1"):
    """To be looked at again in a minute."""


class MailHeld30m(MailHeld, frozen=True, kw_only=True, tag="mail.held-30m/1"):
    """To be looked at again in half an hour."""


class MailHeld4h(MailHeld, frozen=True, kw_only=True, tag="mail.held-4h/1"):
    """To be looked at again in four hours."""


HOLDS: dict[timedelta, type[MailHeld]] = {
    timedelta(seconds=5): MailHeld5s,
    timedelta(minutes=1): MailHeld1m,
    timedelta(minutes=30): MailHeld30m,
    timedelta(hours=4): MailHeld4h,
}


class VetVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a mail of ours may go out."""

    result: Literal["pass", "refused"] = "pass"
    kind: Literal["", "virus", "spam", "rate", "suspended"] = ""
    reason: str = ""  # in words that the sender may read


class MailVetted(MailSubmitted, frozen=True, kw_only=True, tag="mail.vetted/1"):
    """It was looked at whether this may go out."""

    vetted: VetVerdict = VetVerdict()


class MailOutgoing(Event, frozen=True, kw_only=True, tag="mail.outgoing/1"):
    """A message has to reach recipients at other systems: sent, forwarded, or made by us."""

    mail_id: str  # UUIDv7; of what was submitted, or of its own
    submitted_at: datetime
    user_id: str = ""  # in whose name, and who is told of failures; empty: nobody of ours
    mail_from: str  # reverse-path without <>; empty: nobody is to be told
    recipients: tuple[str, ...]  # of other systems alone
    size_bytes: int
    raw: bytes | None = None  # as it goes out, but for the signature; CRLF line ends
    raw_blob: BlobId | None = None
    stream: Stream = "default"
    kind: Literal["sent", "forwarded", "answer", "report"] = "sent"
    sign: bool = True  # with the key of the domain in From, if that is ours
    smtputf8: bool = False
    body_type: BodyType = "8BITMIME"
    wishes: DeliveryWishes | None = None
    tls_required: TlsRequired = ""  # RFC 8689; what its header says of it is read when it is signed

    @property
    def key(self) -> str:
        return self.mail_id


class DeliveryDue(Event, frozen=True, kw_only=True, tag="delivery.due/1"):
    """Some recipients of a mail, all at one domain, are to be tried now."""

    delivery_id: str  # derived from (mail_id, destination)
    mail_id: str
    user_id: str = ""
    submitted_at: datetime
    mail_from: str
    return_path: str = ""  # where bounces go, in place of mail_from; of one recipient alone
    destination: str  # the recipients' domain, lower case, in ASCII; or an address literal
    recipients: tuple[str, ...]  # those still without a final answer
    size_bytes: int
    raw: bytes | None = None  # as it goes out
    raw_blob: BlobId | None = None
    attempt: int = 1  # which one this will be
    due_at: datetime  # when it was to be tried
    stream: Stream = "default"
    kind: Literal["sent", "forwarded", "answer", "report"] = "sent"
    smtputf8: bool = False
    body_type: BodyType = "8BITMIME"
    wishes: DeliveryWishes | None = None
    tls_required: TlsRequired = ""  # RFC 8689

    @property
    def key(self) -> str:
        return self.destination


class DeliveryLater1m(DeliveryDue, frozen=True, kw_only=True, tag="delivery.later-1m/1"):
    """To be tried in a minute."""


class DeliveryLater5m(DeliveryDue, frozen=True, kw_only=True, tag="delivery.later-5m/1"):
    """To be tried in five minutes."""


class DeliveryLater30m(DeliveryDue, frozen=True, kw_only=True, tag="delivery.later-30m/1"):
    """To be tried in half an hour."""


class DeliveryLater2h(DeliveryDue, frozen=True, kw_only=True, tag="delivery.later-2h/1"):
    """To be tried in two hours."""


class DeliveryLater4h(DeliveryDue, frozen=True, kw_only=True, tag="delivery.later-4h/1"):
    """To be tried in four hours."""


# One topic a waiting time: in each, what was written first is due first, so that nothing has
# to be looked for and nothing blocks what is due before it.
WAITS: dict[timedelta, type[DeliveryDue]] = {
    timedelta(minutes=1): DeliveryLater1m,
    timedelta(minutes=5): DeliveryLater5m,
    timedelta(minutes=30): DeliveryLater30m,
    timedelta(hours=2): DeliveryLater2h,
    timedelta(hours=4): DeliveryLater4h,
}


class TlsSession(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a connection to a mail host came to as far as TLS goes (RFC 8460 §4)."""

    policy: Literal["none", "sts", "tlsa"] = "none"  # what the domain promises about TLS
    policy_text: tuple[str, ...] = ()  # as it stood there
    mx_host: str = ""
    address: str = ""  # of the host
    source: str = ""  # of ours; empty: whichever the machine took
    failure: str = ""  # result type (§4.3); empty: it was as promised
    reason: str = ""  # in words


class RecipientResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one recipient in one attempt."""

    recipient: str
    status: Literal["delivered", "deferred", "failed"]
    code: int = 0  # the peer's SMTP reply code; 0: it never answered
    enhanced: str = ""  # RFC 3463, the peer's or ours
    text: str = ""  # the peer's words, or ours where it had none
    host: str = ""  # who answered: the MX and its address
    tls: str = ""  # protocol version and cipher; empty: clear text, or it came to none
    tells_itself: bool = False  # the peer was handed the wishes and reports itself (RFC 3461 §5.2)
    is_suppressed: bool = False  # nobody was asked: the recipient is on a suppression list
    # Connections that were opened for the attempt; told once, with the first of its results.
    tls_sessions: tuple[TlsSession, ...] = ()

    @property
    def said(self) -> str:
        """The answer with its codes, as far as there are any."""
        return " ".join(filter(None, (str(self.code or ""), self.enhanced, self.text)))


class DeliveryAttempted(Event, frozen=True, kw_only=True, tag="delivery.attempted/1"):
    """A delivery was tried once."""

    delivery_id: str
    mail_id: str
    user_id: str = ""
    submitted_at: datetime
    mail_from: str
    destination: str
    attempt: int
    attempted_at: datetime
    results: tuple[RecipientResult, ...]  # of each recipient that was tried
    next_try_at: datetime | None = None  # of those deferred; None: there are none any more
    kind: Literal["sent", "forwarded", "answer", "report"] = "sent"
    wishes: DeliveryWishes | None = None
    is_late: bool = False  # told by a bounce that the sender was sent, long after the attempt
    tls_required: TlsRequired = ""  # of what is told of it, as of the mail (RFC 8689 §5)

    @property
    def key(self) -> str:
        return self.mail_id


class ReportDue(Event, frozen=True, kw_only=True, tag="report.due/1"):
    """What came of a mail lately was gathered for its sender, and may be told now."""

    mail_id: str
    round_name: str  # by what began it; a mail has one round after another
    looks: int = 0  # how often it was asked before whether more is to come

    @property
    def key(self) -> str:
        return self.mail_id


class ReportDue5s(ReportDue, frozen=True, kw_only=True, tag="report.due-5s/1"):
    """To be told in five seconds, unless more is to come then."""


class ReportArrived(Event, frozen=True, kw_only=True, tag="report.arrived/1"):
    """A mail for one of our users is a report: on delivery, or a complaint."""

    mail_id: str
    user_id: str  # whose mailbox it went to
    received_at: datetime
    mail_from: str  # empty for reports on delivery
    message: Message  # its parts are in the blob store
    authentication: Authentication | None = None
    recipient: str = ""  # to whom it was addressed

    @property
    def key(self) -> str:
        return self.mail_id


class AggregateArrived(Event, frozen=True, kw_only=True, tag="aggregate.arrived/1"):
    """A mail came where reports about our domains are to be sent, with files that may be some.

    About what other systems saw in a day: of mail in a domain's name (DMARC), of TLS (TLS-RPT).
    """

    mail_id: str
    received_at: datetime
    message: Message  # without its text; the files that may be reports are in the blob store
    authentication: Authentication | None = None

    @property
    def key(self) -> str:
        return self.mail_id
