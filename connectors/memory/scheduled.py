"""Mail that waits to be sent, in dicts: for tests, and what the others are held against."""

from collections import defaultdict
from collections.abc import Sequence

from topologies.events import MailHeld
from topologies.mail import ids
from topologies.ports.clock import Clock
from topologies.ports.scheduled import KEPT_AFTER, MAX_SCHEDULED_PAGE


class MemoryScheduled:
    """All that waits of one process, gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: defaultdict[str, dict[str, MailHeld]] = defaultdict(dict)  # by user, by mail

    async def put(self, mail: MailHeld) -> None:
        self._kept[mail.user_id][ids.email_id(mail.mail_id, mail.user_id)] = mail

    async def page(
        self, user_id: str, *, after: str = "", limit: int = MAX_SCHEDULED_PAGE
    ) -> Sequence[MailHeld]:
        over = self._clock.now() - KEPT_AFTER
        mine = sorted(self._kept[user_id].items())
        return [mail for each, mail in mine if each > after and mail.due_at > over][:limit]

    async def remove(self, user_id: str, email_id: str) -> None:
        self._kept[user_id].pop(email_id, None)

    async def erase(self, user_id: str) -> None:
        self._kept.pop(user_id, None)
