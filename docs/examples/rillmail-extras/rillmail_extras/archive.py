"""The archive, a port of our own: a row for each mail, durable when ``add`` returns.

``GroupedArchive`` writes rows that come at the same time into one Parquet file, as a log shares one
sync among all who wait. A file is called by the rows in it, so that one that is written twice is
written to the same place.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Protocol

from rillmail_extras.languages import language_of
from topologies.errors import MailError, Retryable
from topologies.events import Deliver

LINGER_S = 2.0
MOST_ROWS = 10_000  # of one file
SNIPPET_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is kept of one mail."""

    email_id: str
    mail_id: str
    user_id: str
    received_at: datetime
    folder_id: str
    mail_from: str
    recipient: str
    subject: str
    language: str
    size_bytes: int
    attachments: int
    is_spam: bool
    raw_blob: str


class Archive(Protocol):
    """Where rows about mails are kept for good."""

    async def add(self, row: Row) -> None:
        """Keep *row*; return when it is durable. A row may be added again: it is the same row.

        Raises:
            Retryable: It could not be written; maybe it was all the same.
        """
        ...


class Store(Protocol):
    """Where files are written."""

    async def write(self, name: str, content: bytes) -> None:
        """Write a file; return when it is durable. What has the same name is the same.

        Raises:
            Retryable: It could not be written.
        """
        ...


def row_of(delivery: Deliver) -> Row:
    """Return what is kept of a mail."""
    message = delivery.message
    return Row(
        email_id=delivery.email_id,
        mail_id=delivery.mail_id,
        user_id=delivery.user_id,
        received_at=delivery.received_at,
        folder_id=delivery.folder_id,
        mail_from=delivery.mail_from,
        recipient=delivery.recipient,
        subject=message.subject[:SNIPPET_CHARACTERS],
        language=language_of(f"{message.subject}\n{message.text}"),
        size_bytes=delivery.raw_ref.size_bytes,
        attachments=len(message.attachments),
        is_spam=delivery.spam is not None and delivery.spam.is_spam,
        raw_blob=delivery.raw_ref.blob,
    )


class _Group:
    """Rows that are written together, and who waits for that."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.is_full = asyncio.Event()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class GroupedArchive:
    """Writes rows that come at the same time into one file for each day."""

    def __init__(
        self, store: Store, *, linger_s: float = LINGER_S, most_rows: int = MOST_ROWS
    ) -> None:
        """Use *store*; the first row of a file waits *linger_s* seconds for others."""
        self._store = store
        self._linger_s = linger_s
        self._most_rows = most_rows
        self._group: _Group | None = None

    async def add(self, row: Row) -> None:
        """Keep *row*, with those that come until its file is written."""
        group = self._group
        if group is not None:
            group.rows[row.email_id] = row
            if len(group.rows) >= self._most_rows:
                group.is_full.set()
            await asyncio.shield(group.done)  # who gives up does not give up for the others
            return
        group = self._group = _Group()
        group.rows[row.email_id] = row
        await self._lead(group)

    async def _lead(self, group: _Group) -> None:
        """Wait for others, write all, and tell them."""
        error: MailError = Retryable("the one who would have written it was stopped")
        try:
            try:
                async with asyncio.timeout(self._linger_s):
                    await group.is_full.wait()
            except TimeoutError:
                pass
            finally:
                self._group = None
            await self._write(list(group.rows.values()))
        except MailError as failed:
            error = failed
            raise
        else:
            group.done.set_result(None)
        finally:
            if not group.done.done():
                group.done.set_exception(error)
                group.done.exception()  # nobody may be waiting for it

    async def _write(self, rows: Sequence[Row]) -> None:
        by_day: dict[str, list[Row]] = {}
        for row in sorted(rows, key=lambda row: row.email_id):
            by_day.setdefault(f"{row.received_at:%Y-%m-%d}", []).append(row)
        for day, of_day in by_day.items():
            ids = "\n".join(row.email_id for row in of_day)
            name = hashlib.sha256(ids.encode()).hexdigest()[:32]
            content = await asyncio.to_thread(_as_parquet, of_day)
            await self._store.write(f"mail/day={day}/{name}.parquet", content)


def _as_parquet(rows: Sequence[Row]) -> bytes:
    from rillmail_extras.parquet import as_parquet  # here: who archives nothing needs no pyarrow

    return as_parquet([asdict(row) for row in rows], [field.name for field in fields(Row)])
