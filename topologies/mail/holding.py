"""What becomes of a mail that was sent for later: it is sent, or was taken back. Decided once.

Reads and writes ``RequestKeys``, under names that no client can give (they hold a space), and reads
``Scheduled``.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Literal

from topologies.events import MailHeld
from topologies.mail import ids
from topologies.ports.request_keys import Claim, RequestKeys
from topologies.ports.scheduled import Scheduled

Fate = Literal["send", "cancel"]


async def note(keys: RequestKeys, user_id: str, mail_id: str, due_at: datetime) -> None:
    """Take note that there is such a mail, before it is written.

    Raises:
        NoSpace: The disk is full.
        Retryable: The store is out of reach.
    """
    held = Claim(mail_id=mail_id, submitted_at=due_at, digest=b"held")
    await keys.claim(user_id, f"held {ids.email_id(mail_id, user_id)}", held)


async def noted(keys: RequestKeys, user_id: str, email_id: str) -> Claim | None:
    """Return what was noted of a mail; None if there is, and was, none such.

    Raises:
        Retryable: The store is out of reach.
    """
    return await keys.find(user_id, f"held {email_id}")


async def is_taken_back(keys: RequestKeys, user_id: str, email_id: str) -> bool:
    """Return whether it was decided that a mail is not sent.

    Raises:
        Retryable: The store is out of reach.
    """
    kept = await keys.find(user_id, f"release {email_id}")
    return kept is not None and kept.digest == b"cancel"


async def is_undecided(keys: RequestKeys, user_id: str, email_id: str) -> bool:
    """Return whether a mail waits still: it is neither sent nor taken back.

    Raises:
        Retryable: The store is out of reach.
    """
    return await keys.find(user_id, f"release {email_id}") is None


async def kept_of(scheduled: Scheduled, user_id: str) -> AsyncGenerator[MailHeld]:
    """Yield what is kept of a user's mails for later, in the order of their times.

    Some may be sent or taken back by now.

    Raises:
        Retryable: The store is out of reach.
    """
    after = ""
    while page := await scheduled.page(user_id, after=after):
        for mail in page:
            yield mail
        after = ids.email_id(page[-1].mail_id, user_id)


async def decide(
    keys: RequestKeys, user_id: str, mail_id: str, due_at: datetime, wish: Fate
) -> Fate:
    """Return what becomes of a mail: *wish*, unless the other was decided before.

    Raises:
        NoSpace: The disk is full.
        Retryable: The store is out of reach.
    """
    wished = Claim(mail_id=mail_id, submitted_at=due_at, digest=wish.encode())
    name = f"release {ids.email_id(mail_id, user_id)}"
    kept = await keys.claim(user_id, name, wished)
    return "cancel" if kept.digest == b"cancel" else "send"
