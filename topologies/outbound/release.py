"""Release: a mail that was sent for later goes on when its time has come.

Reads `mail.held`; writes `mail.submitted`, or the mail again to a topic whose records wait. Until
it goes on its sender may take it back: of sending and taking back the first one claimed counts,
for good (``RequestKeys``), so a mail is never half sent. It goes on at most a few seconds late.
What waits of a user who is deleted by then does not go out.
"""

from collections.abc import Sequence

from topologies.events import HOLDS, Event, MailHeld, MailSubmitted
from topologies.events.base import as_kind
from topologies.events.outbound import MailHeld1m, MailHeld4h, MailHeld5s, MailHeld30m
from topologies.mail import holding
from topologies.ports.clock import Clock
from topologies.ports.directory import Directory
from topologies.ports.request_keys import RequestKeys
from topologies.stage import stage


@stage(reads=MailHeld, writes=[MailSubmitted, MailHeld5s, MailHeld1m, MailHeld30m, MailHeld4h])
async def release(
    mail: MailHeld, *, clock: Clock, directory: Directory, request_keys: RequestKeys
) -> Sequence[Event]:
    """Return the mail as it goes on, or waits; nothing if it was taken back or its user is gone."""
    left = mail.due_at - clock.now()
    if left.total_seconds() > 0:
        wait = max((each for each in HOLDS if each <= left), default=min(HOLDS))
        return [as_kind(mail, HOLDS[wait])]
    if await directory.user(mail.user_id) is None:
        return []
    fate = await holding.decide(request_keys, mail.user_id, mail.mail_id, mail.due_at, "send")
    return [as_kind(mail, MailSubmitted)] if fate == "send" else []
