"""Messages handed to the log as a user's own, in batches that share one sync of the disk.

A message's id is derived from its date, the user, its bytes and its folder, if that is not the
inbox: what was brought before is known by it, and is not added twice. A mail that was exported
from the same mailbox, and is still there, is known by its own id.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import msgspec

from topologies.events import INBOX, RAW_INLINE_BYTES, Filing, MailReceived
from topologies.mail.ids import derived_id, time_of
from topologies.mail.mbox import Stored, date_of
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.directory import User
from topologies.ports.log import EventLog
from topologies.ports.mailboxes import Mailboxes

T = TypeVar("T")

BATCH = 32  # messages that share one sync of the disk
BATCH_BYTES = 4 * 1024**2
OLDEST = datetime(1971, 1, 1, tzinfo=UTC)  # an earlier date is none; also of what has none


@dataclass(slots=True)
class Tally:
    """What became of the messages."""

    added: int = 0
    already_there: int = 0
    not_seen_yet: int = 0
    refused: list[str] = field(default_factory=list[str])


class Goal(Protocol):
    """Where the messages go."""

    @property
    def log(self) -> EventLog:
        """Where events are handed over."""
        ...

    @property
    def mailboxes(self) -> Mailboxes:
        """What is there already."""
        ...

    @property
    def blobs(self) -> Blobs:
        """Where large ones lie."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...


class Surely(Protocol):
    """How something is done that may be out of reach: asked for again, or given up."""

    async def __call__(self, work: Callable[[], Awaitable[T]], /) -> T:
        """Return what *work* does."""
        ...


async def once(work: Callable[[], Awaitable[T]]) -> T:
    """Do *work*, and let who asks know what went wrong."""
    return await work()


class Importing:
    """What is on its way to one user's mailbox."""

    def __init__(
        self,
        goal: Goal,
        user: User,
        tally: Tally,
        *,
        is_stored_at_best: bool = False,
        surely: Surely = once,
    ) -> None:
        """Bring mail to *user*.

        Args:
            goal: What it goes to.
            user: Whose mail it is.
            tally: Where it is counted.
            is_stored_at_best: When a message was stored counts before the date in its header.
            surely: How it is written.
        """
        self._goal = goal
        self._user = user
        self._tally = tally
        self._is_stored_at_best = is_stored_at_best
        self._surely = surely
        self._added: dict[str, None] = {}
        self._batch: list[MailReceived] = []
        self._batch_bytes = 0

    @property
    def mail_ids(self) -> list[str]:
        """The ids of the mails that were not there."""
        return list(self._added)

    async def add(self, message: Stored) -> bool:
        """Hand *message* over; False: it is there. It is safe once ``finish`` returns."""
        dates = _dates(message, self._goal.clock.now(), is_stored_at_best=self._is_stored_at_best)
        ids = [self._id(date, message) for date in dates]
        if ids[0] in self._added or await self._is_there(message, ids):
            self._tally.already_there += 1
            return False
        self._added[ids[0]] = None
        self._batch.append(await self._received(message, ids[0], dates[0]))
        self._batch_bytes += min(message.size_bytes, RAW_INLINE_BYTES)
        if len(self._batch) >= BATCH or self._batch_bytes >= BATCH_BYTES:
            await self.finish()
        return True

    async def finish(self) -> None:
        """Return once all that was handed over is safe."""
        if not self._batch:
            return
        await self._surely(lambda: self._goal.log.append(tuple(self._batch)))
        self._tally.added += len(self._batch)
        self._batch.clear()
        self._batch_bytes = 0

    def _id(self, date: datetime, message: Stored) -> str:
        folder = message.filing.folder.casefold() if message.filing else ""
        parts = (folder,) if folder not in ("", INBOX) else ()
        return derived_id(date, self._user.user_id, message.raw, *parts)

    async def _is_there(self, message: Stored, mail_ids: Sequence[str]) -> bool:
        mailboxes = self._goal.mailboxes
        if message.kept_id and await mailboxes.summaries(self._user.user_id, [message.kept_id]):
            return True
        # Each of its dates: which of them counted may have been another when it was imported.
        for mail_id in mail_ids:
            if await mailboxes.places(mail_id):
                return True
        return False

    async def _received(self, message: Stored, mail_id: str, date: datetime) -> MailReceived:
        is_small = message.size_bytes <= RAW_INLINE_BYTES
        blob = None
        if not is_small:
            [blob] = await self._surely(lambda: self._goal.blobs.put([message.raw]))
        return MailReceived(
            mail_id=mail_id,
            received_at=date,
            origin="import",
            mail_from=message.sender,
            recipients=(self._user.address,),
            size_bytes=message.size_bytes,
            raw=message.raw if is_small else None,
            raw_blob=blob,
            smtputf8=not message.sender.isascii(),
            filed=message.filing,
        )


def placed(
    message: Stored,
    *,
    folder: str | None = None,
    is_read: bool | None = None,
    is_starred: bool | None = None,
) -> Stored:
    """Return *message* as one that lay and was marked so; None: as it says of itself."""
    said = {"folder": folder, "is_read": is_read, "is_starred": is_starred}
    changes = {name: value for name, value in said.items() if value is not None}
    if not changes:
        return message
    filing = message.filing or Filing()
    return replace(message, filing=msgspec.structs.replace(filing, **changes))


def _dates(message: Stored, now: datetime, *, is_stored_at_best: bool) -> list[datetime]:
    """Return the dates that the message can have, the best one first."""
    kept = time_of(message.kept_id) if message.kept_id else None
    said = [date_of(message.raw), message.stored_at]
    named = [date for date in (kept, *(said[::-1] if is_stored_at_best else said)) if date]
    # A date to come would stay on top of all mail for as long.
    return [*sorted((d for d in named if d >= OLDEST), key=lambda d: d > now), OLDEST]
