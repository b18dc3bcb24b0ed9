"""Parse: read a raw message, and keep it and what it carries in the blob store.

Reads `mail.received`; writes `mail.parsed`. No message fails here: what is malformed is read as
far as it goes and told in ``defects``. A small raw message goes on with the event, so that
the stages after this one need no look into the store.
"""

from collections.abc import Sequence

from topologies.errors import Poison
from topologies.events import Event, MailParsed, MailReceived
from topologies.events.inbound import grow
from topologies.mail.stored import store_message
from topologies.ports.blobs import Blobs
from topologies.stage import stage


@stage(reads=MailReceived, writes=[MailParsed])
async def parse(mail: MailReceived, *, blobs: Blobs) -> Sequence[Event]:
    """Return the mail with what it says."""
    if mail.raw is not None:
        raw = mail.raw
    elif mail.raw_blob is not None:
        raw = await blobs.get(mail.raw_blob)
    else:
        raise Poison(f"{mail.mail_id} holds no message")
    message, raw_ref = await store_message(raw, blobs)
    return [grow(mail, MailParsed, message=message, raw_ref=raw_ref)]
