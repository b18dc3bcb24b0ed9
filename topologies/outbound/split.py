"""Split: one mail that was sent becomes the sender's own copy and copies for others.

Reads `mail.vetted`; writes the `Deliver` for the sender's Sent folder, for all recipients here
one `MailReceived`, which goes through every stage that a stranger's mail goes through, and for
all others one `MailOutgoing`. They are written in one commit, so that none is without the
others. The received mail has another id than the sent one: who writes to themselves has two
copies, and deleting one never touches the other. A mail that was refused is in Sent alone, and
its sender is told by the outcome of an attempt that never was; so are recipients that are no
address.
"""

from collections.abc import Sequence

import msgspec

from topologies.events import (
    SENT,
    Address,
    Deliver,
    DeliveryAttempted,
    Event,
    MailOutgoing,
    MailReceived,
    MailVetted,
    RecipientResult,
)
from topologies.mail import ids
from topologies.mail.mailbox_address import parse
from topologies.mail.raw import raw_of
from topologies.mail.stored import store_message
from topologies.mail.wishes import wishes_for
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.stage import stage

# Reply code (RFC 5321 §4.2) and enhanced code (RFC 3463) of what is not let out.
_CODES = {"virus": (554, "5.7.1"), "spam": (554, "5.7.1"), "suspended": (550, "5.7.1")}
_REFUSED = (550, "5.7.1")
_NO_ADDRESS = (553, "5.1.3")


@stage(reads=MailVetted, writes=[Deliver, MailReceived, MailOutgoing, DeliveryAttempted])
async def split(mail: MailVetted, *, directory: Directory, blobs: Blobs) -> Sequence[Event]:
    """Return the sender's copy, and the mail as others receive it."""
    sent = await _sent(mail, blobs)
    if mail.vetted.result == "refused":
        code = _CODES.get(mail.vetted.kind, _REFUSED)
        return [sent, *_failed(mail, mail.recipients, code, mail.vetted.reason)]
    here: list[str] = []
    elsewhere: list[str] = []
    nowhere: list[str] = []
    for recipient in mail.recipients:
        match (await directory.resolve(recipient)).status:
            case "local" | "unknown":  # who is gone since is told by `route`, as for strangers
                here.append(recipient)
            case "foreign":
                elsewhere.append(recipient)
            case "invalid":
                nowhere.append(recipient)
    return [
        sent,
        *([_received(mail, here)] if here else []),
        *([_outgoing(mail, elsewhere)] if elsewhere else []),
        *_failed(mail, nowhere, _NO_ADDRESS, "it is no valid address"),
    ]


async def _sent(mail: MailVetted, blobs: Blobs) -> Deliver:
    message, raw_ref = await store_message(await raw_of(mail, blobs), blobs)
    if mail.bcc:  # the raw message has none, so that nobody else sees them
        shown = tuple(Address(address=address) for address in mail.bcc)
        message = msgspec.structs.replace(message, bcc=shown)
    return Deliver(
        user_id=mail.user_id,
        command_id=ids.command_id("deliver", mail.mail_id, mail.user_id),
        issued_at=mail.submitted_at,
        email_id=ids.email_id(mail.mail_id, mail.user_id),
        mail_id=mail.mail_id,
        folder_id=SENT,
        message=message,
        raw_ref=raw_ref,
        received_at=mail.submitted_at,
        mail_from=mail.mail_from,
        is_read=True,
        draft_id=mail.draft_id,
        draft_version=mail.draft_version,
    )


def _received(mail: MailVetted, recipients: Sequence[str]) -> MailReceived:
    return MailReceived(
        mail_id=ids.local_id(mail.submitted_at, mail.mail_id),
        received_at=mail.submitted_at,
        origin="local",
        mail_from=mail.mail_from,
        recipients=tuple(recipients),
        size_bytes=mail.size_bytes,
        raw=mail.raw,
        raw_blob=mail.raw_blob,
        user_id=mail.user_id,
        wishes=wishes_for(mail.wishes, recipients),
        sent_id=mail.mail_id,
        tls_required=mail.tls_required,
    )


def _outgoing(mail: MailVetted, recipients: Sequence[str]) -> MailOutgoing:
    return MailOutgoing(
        mail_id=mail.mail_id,
        submitted_at=mail.submitted_at,
        user_id=mail.user_id,
        mail_from=mail.mail_from,
        recipients=tuple(recipients),
        size_bytes=mail.size_bytes,
        raw=mail.raw,
        raw_blob=mail.raw_blob,
        stream=mail.stream,
        smtputf8=mail.smtputf8,
        body_type=mail.body_type,
        wishes=wishes_for(mail.wishes, recipients),
        tls_required=mail.tls_required,
    )


def _failed(
    mail: MailVetted, recipients: Sequence[str], code: tuple[int, str], reason: str
) -> Sequence[DeliveryAttempted]:
    """Return outcomes that say so, one for each destination."""
    by_destination: dict[str, list[str]] = {}
    for recipient in recipients:
        by_destination.setdefault(_destination(recipient), []).append(recipient)
    return [
        DeliveryAttempted(
            delivery_id=ids.derived_id(mail.submitted_at, "delivery", mail.mail_id, destination),
            mail_id=mail.mail_id,
            user_id=mail.user_id,
            submitted_at=mail.submitted_at,
            mail_from=mail.mail_from,
            destination=destination,
            attempt=1,
            attempted_at=mail.submitted_at,
            results=tuple(
                RecipientResult(
                    recipient=each, status="failed", code=code[0], enhanced=code[1], text=reason
                )
                for each in by_destination[destination]
            ),
            wishes=wishes_for(mail.wishes, by_destination[destination]),
            tls_required=mail.tls_required,
        )
        for destination in sorted(by_destination)
    ]


def _destination(recipient: str) -> str:
    try:
        return parse(recipient).domain
    except ValueError:
        return recipient.rpartition("@")[2].lower()
