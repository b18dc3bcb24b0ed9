"""Split: one mail that was sent becomes the sender's own copy and copies for others.

Reads `mail.submitted`; writes the `Deliver` for the sender's Sent folder, and for all
recipients here one `MailReceived`, which goes through every stage that a stranger's mail
goes through. Both are written in one commit, so that neither is without the other. The
received mail has another id than the sent one: who writes to themselves has two copies,
and deleting one never touches the other. Recipients elsewhere are told undeliverable.
"""

from collections.abc import Sequence

import msgspec

from topologies.errors import Poison
from topologies.events import (
    SENT,
    Address,
    Deliver,
    Event,
    MailReceived,
    MailSubmitted,
    MailUndeliverable,
)
from topologies.mail import ids
from topologies.mail.stored import store_message
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.stage import stage

_WHY_NOT = {
    "foreign": "mail to other systems is not sent from here",
    "invalid": "it is no valid address",
}


@stage(reads=MailSubmitted, writes=[Deliver, MailReceived, MailUndeliverable])
async def split(mail: MailSubmitted, *, directory: Directory, blobs: Blobs) -> Sequence[Event]:
    """Return the sender's copy, and the mail as those recipients receive it who are here."""
    here: list[str] = []
    elsewhere: list[Event] = []
    for recipient in mail.recipients:
        status = (await directory.resolve(recipient)).status
        if status in ("local", "unknown"):  # who is gone since is told by `route`, as for strangers
            here.append(recipient)
        else:
            elsewhere.append(
                MailUndeliverable(
                    mail_id=mail.mail_id, recipient=recipient, reason=_WHY_NOT[status]
                )
            )
    return [await _sent(mail, blobs), *([_received(mail, here)] if here else []), *elsewhere]


async def _sent(mail: MailSubmitted, blobs: Blobs) -> Deliver:
    message, raw_ref = await store_message(await _raw(mail, blobs), blobs)
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
    )


def _received(mail: MailSubmitted, recipients: Sequence[str]) -> MailReceived:
    return MailReceived(
        mail_id=ids.derived_id(mail.submitted_at, "local", mail.mail_id),
        received_at=mail.submitted_at,
        origin="local",
        mail_from=mail.mail_from,
        recipients=tuple(recipients),
        size_bytes=mail.size_bytes,
        raw=mail.raw,
        raw_blob=mail.raw_blob,
        user_id=mail.user_id,
    )


async def _raw(mail: MailSubmitted, blobs: Blobs) -> bytes:
    if mail.raw is not None:
        return mail.raw
    if mail.raw_blob is not None:
        return await blobs.get(mail.raw_blob)
    raise Poison(f"{mail.mail_id} holds no message")
