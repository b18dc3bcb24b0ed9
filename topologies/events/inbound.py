"""Facts on the way from the edge to a mailbox, each grown by one verdict.

    MailReceived → MailParsed → MailAuthenticated → MailScanned → MailScored

Every later fact holds all fields of the earlier ones, so whoever reads one of
these topics needs no other.
"""

from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec

from topologies.events.base import Event
from topologies.events.message import BlobId, Message, RawRef

RAW_INLINE_BYTES = 64 * 1024  # larger raw messages go to the blob store at the edge

SpfResult = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
DkimResult = Literal["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"]
ArcResult = Literal["none", "pass", "fail", "temperror"]
DmarcResult = Literal["none", "pass", "fail", "temperror", "permerror"]
Origin = Literal["smtp", "lmtp", "local", "import"]
BodyType = Literal["7BIT", "8BITMIME", "BINARYMIME"]
# RFC 8689: yes: REQUIRETLS was said with it, so that it goes on within TLS alone, to hosts that
# prove who they are; no: its sender wants it sent whatever the hosts promise; empty: as usual.
TlsRequired = Literal["", "yes", "no"]
# What a client called itself: no name at all (RFC 5321 §4.1.1.1), our own, one that does not
# lead to it, one that does not exist, one that leads to it; empty: not looked up.
HeloVerdict = Literal["", "malformed", "ours", "mismatch", "unresolved", "proved"]
# malware: known as such. suspicious: made to run or to deceive. executable: a program or script.
# macro: code in a document. encrypted, unscannable: can't be looked into. bomb: unpacks to
# very much more than it is.
FindingKind = Literal[
    "malware", "suspicious", "executable", "macro", "encrypted", "bomb", "unscannable"
]
# reject is for whoever can still say no; what was accepted is quarantined, and reported.
MalwareAction = Literal["reject", "quarantine", "tag", "deliver"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a scanner found in a mail."""

    kind: FindingKind
    name: str  # of the signature or rule, or what was found in a few words
    part: str = ""  # file name of the part it was found in, with its path in archives


class Release(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a mail was let out of the quarantine, so that nobody looks for malware again."""

    by: str  # who decided it
    mail_id: str  # of the mail that was quarantined
    findings: tuple[Finding, ...] = ()  # what it was kept for


class RecipientWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sender wants to be told about one recipient (RFC 3461 §4)."""

    recipient: str  # as in `recipients`
    notify: tuple[Literal["NEVER", "SUCCESS", "FAILURE", "DELAY"], ...] = ()  # none: as usual
    original: str = ""  # ORCPT: the address type, ";" and the address, decoded from xtext


class DeliveryWishes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sender asked for about delivery status notifications (RFC 3461)."""

    returned: Literal["", "FULL", "HDRS"] = ""  # RET: how much of the mail comes back
    envelope_id: str = ""  # ENVID, decoded from xtext
    recipients: tuple[RecipientWish, ...] = ()  # those with a wish alone


class Filing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a mail lay before it was brought here, and how it was marked there."""

    folder: str = ""  # the folder's name, its parents before it with "/"; empty: nobody says
    is_read: bool = True
    is_starred: bool = False
    labels: tuple[str, ...] = ()  # their names


class MailReceived(Event, frozen=True, kw_only=True, tag="mail.received/1"):
    """A message was accepted: from here on it must not be lost."""

    mail_id: str  # UUIDv7, given at the edge; its time is `received_at`
    received_at: datetime  # UTC
    origin: Origin
    mail_from: str  # reverse-path without <>; empty for bounces
    recipients: tuple[str, ...]  # forward-paths without <>, as given, accepted by policy
    size_bytes: int  # of the raw message
    raw: bytes | None = None  # the message while small, with CRLF line ends
    raw_blob: BlobId | None = None  # the message when large; one of the two is set
    client_ip: str = ""  # textual IPv4 or IPv6, as seen by us; empty when local
    client_name: str = ""  # verified reverse DNS name, empty when unknown
    helo: str = ""  # EHLO/LHLO argument, may be an address literal
    tls: str = ""  # protocol version and cipher, empty for clear text
    user_id: str = ""  # who was signed in when sending; empty for strangers
    smtputf8: bool = False  # RFC 6531
    helo_verdict: HeloVerdict = ""  # whether `helo` is the client's name
    body_type: BodyType = "7BIT"  # RFC 6152, RFC 3030: with BINARYMIME, CR and LF may stand alone
    wishes: DeliveryWishes | None = None  # None: the sender had none
    released: Release | None = None  # None: it does not come out of the quarantine
    sent_id: str = ""  # of the mail that its sender, a user here, has as sent
    tls_required: TlsRequired = ""  # RFC 8689
    filed: Filing | None = None  # of imported mail; None: nobody knows

    @property
    def key(self) -> str:
        return self.mail_id

    @property
    def own_id(self) -> str:
        return self.mail_id


class MailParsed(MailReceived, frozen=True, kw_only=True, tag="mail.parsed/1"):
    """The message was read; its attachments and raw bytes are in the blob store."""

    message: Message
    raw_ref: RawRef


class DkimVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One signature's verdict (RFC 6376)."""

    result: DkimResult
    domain: str  # d=
    selector: str  # s=
    reason: str = ""


class ArcVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known about the hands a mail went through (RFC 8617)."""

    result: ArcResult
    instances: int = 0  # sets that it carries
    oldest_pass: int = 0  # since which set it was not changed any more; 0: ever
    sealers: tuple[str, ...] = ()  # d= of each seal, the first one first
    reason: str = ""
    vouched_by: str = ""  # a trusted sealer to whom DMARC passed; only told where it failed here


class Authentication(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known about who sent it (RFC 8601)."""

    spf: SpfResult = "none"
    spf_domain: str = ""  # the domain whose policy was used
    dkim: tuple[DkimVerdict, ...] = ()
    dmarc: DmarcResult = "none"
    dmarc_policy: Literal["none", "quarantine", "reject", ""] = ""
    from_domain: str = ""  # RFC5322.From domain that DMARC looked at
    signed_in: bool = False  # sent by one of our users who was signed in
    arc: ArcVerdict | None = None  # None: it carries no seal, or nobody looked


class MailAuthenticated(MailParsed, frozen=True, kw_only=True, tag="mail.authenticated/1"):
    """SPF, DKIM and DMARC were evaluated."""

    authentication: Authentication


class VirusVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the scanner found."""

    result: Literal["clean", "infected", "unscannable"]
    name: str = ""  # of the signature or rule
    part: str = ""  # file name of the part it was found in
    findings: tuple[Finding, ...] = ()  # all that was found, also what infects nobody
    action: Literal["", MalwareAction] = ""  # what follows by policy; empty: nobody decided

    @property
    def is_held(self) -> bool:
        """Whether the mail is kept from its recipients."""
        held = ("reject", "quarantine")
        return self.action in held if self.action else self.result == "infected"


class MailScanned(MailAuthenticated, frozen=True, kw_only=True, tag="mail.scanned/1"):
    """The message and what it contains were scanned for malware."""

    virus: VirusVerdict


class SpamVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How likely it is spam."""

    probability: float  # 0 … 1
    is_spam: bool
    reasons: tuple[str, ...] = ()  # strongest signs, in words a person can read
    threshold: float = 0.0  # from which probability on it was spam; 0: nobody judged it
    model: str = ""  # the name of the model that judged it
    by_sender: float = 0.0  # what its sender's reputation added, in log-odds
    by_user: float = 0.0  # what its reader's own reports added, in log-odds


class MailScored(MailScanned, frozen=True, kw_only=True, tag="mail.scored/1"):
    """The message was judged; what remains is to route it."""

    spam: SpamVerdict


class MailQuarantined(Event, frozen=True, kw_only=True, tag="mail.quarantined/1"):
    """An infected message was kept from its recipients."""

    mail_id: str
    quarantined_at: datetime
    recipients: tuple[str, ...]
    virus: VirusVerdict
    # Set if the policy is to reject: who is told, and of which recipients.
    report_to: str = ""  # the reverse-path, if it is proved; empty: nobody is told
    report_about: tuple[str, ...] = ()
    tls_required: TlsRequired = ""  # of the report as of the mail (RFC 8689 §5)

    @property
    def key(self) -> str:
        return self.mail_id


class MailUndeliverable(Event, frozen=True, kw_only=True, tag="mail.undeliverable/1"):
    """A recipient who was accepted at the edge is gone when the mail is routed."""

    mail_id: str
    recipient: str
    reason: str
    # Of a mail that a user here sent, so that they are told; empty for strangers' mail.
    user_id: str = ""
    mail_from: str = ""
    sent_id: str = ""
    received_at: datetime | None = None
    wishes: DeliveryWishes | None = None
    tls_required: TlsRequired = ""

    @property
    def key(self) -> str:
        return self.mail_id


def undeliverable(mail: MailReceived, recipient: str, reason: str) -> MailUndeliverable:
    """Return that a recipient of *mail* gets nothing, and who is to be told why."""
    if not mail.user_id:  # a stranger's address may be forged: nobody is told
        return MailUndeliverable(mail_id=mail.mail_id, recipient=recipient, reason=reason)
    return MailUndeliverable(
        mail_id=mail.mail_id,
        recipient=recipient,
        reason=reason,
        user_id=mail.user_id,
        mail_from=mail.mail_from,
        sent_id=mail.sent_id,
        received_at=mail.received_at,
        wishes=mail.wishes,
        tls_required=mail.tls_required,
    )


class MailDisposed(Event, frozen=True, kw_only=True, tag="mail.disposed/1"):
    """A user has no copy of a message, because their own rules want it so."""

    mail_id: str
    recipient: str  # of the envelope, who led to them
    user_id: str
    how: Literal["discarded", "refused", "forwarded"]

    @property
    def key(self) -> str:
        return self.mail_id


class SenderJudged(Event, frozen=True, kw_only=True, tag="sender.judged/1"):
    """A mail whose sender's domain is proved was judged: one more to know the domain by."""

    # The domain in From, proved by DMARC, lower case, in ASCII; or "user:" and the id of our user
    sender: str
    mail_id: str
    judged_at: datetime  # when the mail was received
    is_bad: bool  # spam by what stands in it, or malware

    @property
    def key(self) -> str:
        return self.sender


Grown = TypeVar("Grown", bound=MailReceived)


def grow(mail: MailReceived, kind: type[Grown], **verdict: Any) -> Grown:
    """Return the next fact about *mail*: all its fields and *verdict*."""
    known: dict[str, Any] = {name: getattr(mail, name) for name in mail.__struct_fields__}
    return kind(**known, **verdict)
