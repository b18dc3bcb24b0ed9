"""Archive mail: keep one row for each mail that reaches a mailbox, for whoever counts later.

Reads `mailbox.commands`; writes no event, and tells ``Archive``. The message itself is not kept
there, only what a report needs; `raw_blob` leads to it.
"""

from collections.abc import Sequence

from rillmail_extras.archive import Archive, row_of
from topologies.events import QUARANTINE_USER, Deliver, Event
from topologies.stage import stage


@stage(reads=Deliver, writes=[])
async def archive_mail(delivery: Deliver, *, archive: Archive) -> Sequence[Event]:
    """Keep a row about the mail; done when it is durable."""
    if delivery.user_id != QUARANTINE_USER:
        await archive.add(row_of(delivery))
    return []
