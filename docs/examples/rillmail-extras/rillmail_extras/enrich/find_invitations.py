"""Find invitations: tell what a mail carries for a calendar.

Reads `mailbox.commands` and the blobs of parts that are `text/calendar`; writes `mail.invitations`,
one for each event in them. Whether somebody goes is not decided here. What can't be read as a
calendar holds no events, and what is gone from the store told them before.
"""

from collections.abc import Sequence

from rillmail_extras.calendars import MOST_BYTES, read_calendar
from rillmail_extras.events import InvitationFound
from topologies.errors import BlobMissing
from topologies.events import QUARANTINE_USER, Deliver, Event
from topologies.ports.blobs import Blobs
from topologies.stage import stage

MOST_PARTS = 5


@stage(reads=Deliver, writes=[InvitationFound])
async def find_invitations(delivery: Deliver, *, blobs: Blobs) -> Sequence[Event]:
    """Return what the mail carries for a calendar."""
    if delivery.user_id == QUARANTINE_USER:
        return []
    found: list[Event] = []
    parts = [a for a in delivery.message.attachments if a.content_type == "text/calendar"]
    for blob in dict.fromkeys(part.blob for part in parts[:MOST_PARTS]):
        try:
            content = b"".join([chunk async for chunk in blobs.stream(blob, 0, MOST_BYTES)])
        except BlobMissing:
            continue
        found += [
            InvitationFound(
                user_id=delivery.user_id,
                email_id=delivery.email_id,
                mail_id=delivery.mail_id,
                method=entry.method,
                uid=entry.uid,
                summary=entry.summary,
                starts=entry.starts,
                time_zone=entry.time_zone,
            )
            for entry in read_calendar(content)
        ]
    return found
