"""Messages handed to the log as a user's own, in batches that share one sync of the disk.

A message's id is derived from its date, the user, its bytes and its folder, if that is not the
inbox: what was brought before is known by it, and is not added twice. A mail that was exported
from the same mailbox, and is still there, is known by its own id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import click

from api.cli.output import print_json, printable
from api.cli.stores import Stores
from topologies.errors import Retryable
from topologies.events import INBOX, RAW_INLINE_BYTES, MailReceived
from topologies.mail.ids import derived_id, time_of
from topologies.mail.mbox import Stored, date_of
from topologies.ports.directory import User

T = TypeVar("T")

BATCH = 32  # messages that share one sync of the disk
BATCH_BYTES = 4 * 1024**2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0  # while the log takes nothing
OLDEST = datetime(1971, 1, 1, tzinfo=UTC)  # an earlier date is none; also of what has none


@dataclass(slots=True)
class Tally:
    """What became of the messages."""

    added: int = 0
    already_there: int = 0
    not_seen_yet: int = 0
    refused: list[str] = field(default_factory=list[str])


def tell(tally: Tally, address: str, *, as_json: bool) -> None:
    """Print what became of the messages for *address*."""
    if as_json:
        print_json(tally)
        return
    for reason in tally.refused:
        click.echo(f"Not imported: {printable(reason)}", err=True)
    there = f", {tally.already_there} were there already" if tally.already_there else ""
    click.echo(f"{tally.added} added to {printable(address)}{there}")
    if tally.not_seen_yet:
        click.echo(f"{tally.not_seen_yet} of them will be seen when the service has stored them.")


class Importing:
    """What is on its way to one user's mailbox."""

    def __init__(
        self, stores: Stores, user: User, tally: Tally, *, is_stored_at_best: bool = False
    ) -> None:
        """Bring mail to *user*.

        Args:
            stores: What it goes to.
            user: Whose mail it is.
            tally: Where it is counted.
            is_stored_at_best: When a message was stored counts before the date in its header.
        """
        self._stores = stores
        self._user = user
        self._tally = tally
        self._is_stored_at_best = is_stored_at_best
        self._added: dict[str, None] = {}
        self._batch: list[MailReceived] = []
        self._batch_bytes = 0

    @property
    def mail_ids(self) -> list[str]:
        """The ids of the mails that were not there."""
        return list(self._added)

    async def add(self, message: Stored) -> None:
        """Hand *message* over, unless it is there; it is safe once ``finish`` returns."""
        dates = _dates(message, is_stored_at_best=self._is_stored_at_best)
        ids = [self._id(date, message) for date in dates]
        if ids[0] in self._added or await self._is_there(message, ids):
            self._tally.already_there += 1
            return
        self._added[ids[0]] = None
        self._batch.append(await self._received(message, ids[0], dates[0]))
        self._batch_bytes += min(message.size_bytes, RAW_INLINE_BYTES)
        if len(self._batch) >= BATCH or self._batch_bytes >= BATCH_BYTES:
            await self.finish()

    async def finish(self) -> None:
        """Return once all that was handed over is safe."""
        if not self._batch:
            return
        await _patiently(lambda: self._stores.log.append(tuple(self._batch)))
        self._tally.added += len(self._batch)
        self._batch.clear()
        self._batch_bytes = 0

    def _id(self, date: datetime, message: Stored) -> str:
        folder = message.filing.folder.casefold() if message.filing else ""
        parts = (folder,) if folder not in ("", INBOX) else ()
        return derived_id(date, self._user.user_id, message.raw, *parts)

    async def _is_there(self, message: Stored, mail_ids: Sequence[str]) -> bool:
        mailboxes = self._stores.mailboxes
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
            [blob] = await _patiently(lambda: self._stores.blobs.put([message.raw]))
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


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do *work*, again and again while there is no space or the store is out of reach."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await work()
        except Retryable as error:
            click.echo(f"{error}; waiting, Ctrl-C ends it", err=True)
        await asyncio.sleep(wait_s)
        wait_s = min(LONGEST_WAIT_S, wait_s * 2)


def _dates(message: Stored, *, is_stored_at_best: bool) -> list[datetime]:
    """Return the dates that the message can have, the best one first."""
    kept = time_of(message.kept_id) if message.kept_id else None
    said = [date_of(message.raw), message.stored_at]
    named = [date for date in (kept, *(said[::-1] if is_stored_at_best else said)) if date]
    # A date to come would stay on top of all mail for as long.
    now = datetime.now(UTC)
    return [*sorted((d for d in named if d >= OLDEST), key=lambda d: d > now), OLDEST]
