"""Route: whose mailbox a judged mail goes to, which folder, and to whom it goes on.

Reads `mail.scored`; writes one `Deliver` for each user, however many of the envelope's
recipients lead to them, and what each user's own rules make of it: other folders, further
copies, mail that goes on to others, answers. Aliases may lead to other systems, and a bounce to
a reverse-path of ours goes to whom that stands for, or who sent what it is about. What no mailbox
gets is told in `mail.exceptions`. A mail that is held goes to the quarantine and to nobody else.
Whether a mail is infected or spam was decided before.

Who an address leads to, and what users want, is the answer of this moment: a replay may hear
another one, but derives the same ids, so nobody gets a second copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from topologies.events import (
    INBOX,
    QUARANTINE_USER,
    SPAM,
    AggregateArrived,
    CreateFolder,
    CreateLabel,
    Deliver,
    DeliveryAttempted,
    Event,
    LabelEmails,
    MailDisposed,
    MailOutgoing,
    MailQuarantined,
    MailReceived,
    MailScored,
    MailUndeliverable,
    ReportArrived,
    undeliverable,
)
from topologies.mail import (
    aggregate,
    dkim_canonical,
    filing,
    fullness,
    ids,
    loops,
    mailbox_address,
    malware,
    reporting,
    returned,
)
from topologies.mail.answerable import keys as address_keys
from topologies.mail.forwarding import Forwarder, Opened
from topologies.mail.own_rules import Obedience
from topologies.mail.own_spam import OwnSpam
from topologies.ports.answers import Answers
from topologies.ports.blobs import Blobs
from topologies.ports.deliveries import Deliveries
from topologies.ports.directory import Directory, Resolved, Target
from topologies.ports.dkim_keys import DkimKeys
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.personal_spam import PersonalSpam
from topologies.ports.policy import SignPolicy
from topologies.ports.rules import Rules
from topologies.ports.url_key import UrlKey
from topologies.stage import stage

_WHY_NOT = {
    "unknown": "there is no such mailbox here any more",
    "foreign": "its domain is none of ours any more",
    "invalid": "it is no valid address",
}
_NO_MEMBER = "5.7.1 only members may write there"


@dataclass(slots=True)
class _Reached:
    """Whom the recipients of a mail lead to.

    Attributes:
        copies: By user, the recipient who led there first.
        onward: By recipient, the addresses that it goes on to.
        unreached: Why, by recipient.
    """

    copies: dict[str, tuple[str, Target]] = field(default_factory=dict[str, tuple[str, Target]])
    onward: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    unreached: dict[str, str] = field(default_factory=dict[str, str])

    def is_kept(self, recipient: str) -> bool:
        """Tell whether mail for *recipient* ends here."""
        return recipient not in self.onward and recipient not in self.unreached


@stage(
    reads=MailScored,
    writes=[
        Deliver,
        CreateFolder,
        CreateLabel,
        LabelEmails,
        MailReceived,
        MailOutgoing,
        MailQuarantined,
        MailUndeliverable,
        MailDisposed,
        ReportArrived,
        AggregateArrived,
        DeliveryAttempted,
    ],
)
async def route(
    mail: MailScored,
    *,
    directory: Directory,
    mailboxes: Mailboxes,
    blobs: Blobs,
    rules: Rules,
    learnt: PersonalSpam,
    answers: Answers,
    deliveries: Deliveries,
    keys: DkimKeys,
    url_key: UrlKey,
    policy: SignPolicy,
) -> Sequence[Event]:
    """Return what each whom the recipients lead to gets."""
    if mail.virus.is_held:
        return _quarantined(mail)
    forwarder = Forwarder(
        directory=directory, blobs=blobs, keys=keys, url_key=url_key, hostname=policy.hostname
    )
    obedience = Obedience(rules=rules, answers=answers, mailboxes=mailboxes, forwarder=forwarder)
    opened = Opened(mail, blobs)
    own_spam = OwnSpam(mail, learnt)
    reached = await _reached(mail, directory, forwarder, deliveries)
    note = malware.note_of(mail.virus, is_released=mail.released is not None)
    events: list[Event] = []
    for recipient, target in reached.copies.values():
        spam = await own_spam.verdict_for(target.user_id)
        folder_id = SPAM if spam.is_spam else INBOX
        copy = _copy(
            mail, target.user_id, folder_id, recipient=recipient, tag=target.tag, note=note
        )
        copy = msgspec.structs.replace(copy, spam=spam)
        if mail.filed is not None:
            folders = await mailboxes.folders(target.user_id)
            labels = await mailboxes.labels(target.user_id) if mail.filed.labels else ()
            events += filing.restored(mail.filed, copy, folders, labels)
            continue
        events += await obedience.obeyed(opened, copy, target.address)
        events += await fullness.warnings(
            mail, target.user_id, directory=directory, mailboxes=mailboxes, answers=answers
        )
    for recipient, addresses in reached.onward.items():
        events += await _sent_on(opened, addresses, recipient, forwarder)
    events += [
        undeliverable(mail, recipient, reason) for recipient, reason in reached.unreached.items()
    ]
    kept = [each for each in dict.fromkeys(mail.recipients) if reached.is_kept(each)]
    return [
        *events,
        *returned.arrived(events),
        *aggregate.arrived(mail, reached.unreached),
        *reporting.confirmed(mail, kept),
    ]


async def _reached(
    mail: MailScored, directory: Directory, forwarder: Forwarder, deliveries: Deliveries
) -> _Reached:
    """Return whom the recipients lead to."""
    reached = _Reached()
    for recipient in dict.fromkeys(mail.recipients):
        resolved = await directory.resolve(recipient)
        if resolved.status in ("local", "unknown") and (
            sent := await returned.delivery_named(
                recipient, mail.received_at, url_key=forwarder.url_key, deliveries=deliveries
            )
        ):
            resolved = await directory.resolve(sent.mail_from)
        if resolved.status in ("local", "unknown") and (
            sender := await forwarder.bounce_target(recipient, mail)
        ):
            reached.onward[recipient] = [sender]
        elif resolved.members_only and not _is_member(mail, resolved):
            reached.unreached[recipient] = _NO_MEMBER
        elif resolved.targets or resolved.forwards:
            for target in resolved.targets:
                reached.copies.setdefault(target.user_id, (recipient, target))
            if resolved.forwards:
                reached.onward[recipient] = list(resolved.forwards)
        else:
            reached.unreached[recipient] = _WHY_NOT.get(resolved.status, "it leads to nobody")
    return reached


def _is_member(mail: MailScored, resolved: Resolved) -> bool:
    """Tell whether a member of a group wrote, as far as anybody can tell."""
    known = mail.authentication
    if known.dmarc == "fail" or known.spf == "fail":
        return False
    members = address_keys([*(target.address for target in resolved.targets), *resolved.forwards])
    return bool(address_keys([mail.mail_from]) & members)


async def _sent_on(
    opened: Opened, addresses: Sequence[str], recipient: str, forwarder: Forwarder
) -> Sequence[Event]:
    """Return what sends a mail on that came to an alias, or to a reverse-path of ours."""
    mail = opened.mail
    header, _ = dkim_canonical.split(await opened.raw())
    fields = [(name, line.partition(b":")[2]) for name, line in dkim_canonical.fields(header)]
    if loops.is_loop(fields, recipient):
        reason = loops.REASON
    elif mail.spam.is_spam:
        reason = "5.7.1 it is spam, which is not forwarded"
    else:
        via = str(mailbox_address.parse(recipient))  # without a source route
        return await forwarder.sent_on(opened, addresses, via)
    return [undeliverable(mail, recipient, reason)]


def _copy(
    mail: MailScored,
    user_id: str,
    folder_id: str,
    *,
    recipient: str,
    tag: str = "",
    note: str = "",
) -> Deliver:
    return Deliver(
        user_id=user_id,
        command_id=ids.command_id("deliver", mail.mail_id, user_id),
        issued_at=mail.received_at,
        email_id=ids.email_id(mail.mail_id, user_id),
        mail_id=mail.mail_id,
        folder_id=folder_id,
        message=mail.message,
        raw_ref=mail.raw_ref,
        received_at=mail.received_at,
        mail_from=mail.mail_from,
        recipient=recipient,
        tag=tag,
        # Who brings an old archive along has read it: it is no 5,000 new mails.
        is_read=mail.origin == "import",
        authentication=mail.authentication,
        spam=mail.spam,
        note=note,
        virus=mail.virus if note else None,
        held=malware.held(mail) if user_id == QUARANTINE_USER else None,
    )


def _quarantined(mail: MailScored) -> Sequence[Event]:
    recipient = next(iter(mail.recipients), "")
    return [
        _copy(mail, QUARANTINE_USER, INBOX, recipient=recipient, note=malware.note_of(mail.virus)),
        MailQuarantined(
            mail_id=mail.mail_id,
            quarantined_at=mail.received_at,
            recipients=mail.recipients,
            virus=mail.virus,
            report_to=malware.report_to(mail),
            report_about=malware.report_about(mail),
            tls_required=mail.tls_required,
        ),
    ]
