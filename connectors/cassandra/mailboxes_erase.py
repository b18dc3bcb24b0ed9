"""How a mailbox in Cassandra is taken away: bucket after bucket, its own rows last.

What leads to other rows goes after them, so that whoever goes on after a crash finds the rest.
Everything is deleted with a timestamp beyond that of any change: what a worker that lost its
partition still writes to these rows stays unseen. Rows that nothing leads to any more (that a
mail was deleted for good, and which message-ids it had) hold no content; they stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from connectors.cassandra.mailboxes_buckets import buckets_of
from connectors.cassandra.mailboxes_rows import digest_of, events_of, key_of
from connectors.cassandra.session import CassandraSession, Row, Statement
from connectors.mail_bodies import named_in
from topologies.events.mailbox import MailboxChanged

T = TypeVar("T")

AFTER_ALL = 2**60  # beyond the numbers of changes, and the clock's microseconds
ERASED = -1  # for the bytes that a mailbox holds, when its user is gone
AT_ONCE = 50  # statements of one batch, and keys of one question
STRETCH = 1_000  # changes of one partition, as they are written

_ROWS = "SELECT folder_id, buckets, seq, used_bytes FROM mailboxes WHERE user_id = ?"
_LINES = (
    "SELECT email_id, thread_id FROM emails"
    " WHERE user_id = ? AND folder_id = ? AND bucket = ? LIMIT ?"
)
_BODIES = "SELECT email_id, thread_id, body FROM mails WHERE user_id = ? AND email_id IN ?"
_CHANGES = "SELECT command_id, events FROM changes WHERE user_id = ? AND stretch = ?"
_NO_MAIL = "DELETE FROM mails USING TIMESTAMP ? WHERE user_id = ? AND email_id = ?"
_NO_COPY = "DELETE FROM copies USING TIMESTAMP ? WHERE mail_id = ? AND user_id = ?"
_NO_THREAD = "DELETE FROM threads USING TIMESTAMP ? WHERE user_id = ? AND thread_id = ?"
_NO_MESSAGE_ID = "DELETE FROM message_ids USING TIMESTAMP ? WHERE user_id = ? AND digest = ?"
_NO_LINE = (
    "DELETE FROM emails USING TIMESTAMP ?"
    " WHERE user_id = ? AND folder_id = ? AND bucket = ? AND email_id = ?"
)
_NO_BUCKET = (
    "DELETE FROM emails USING TIMESTAMP ? WHERE user_id = ? AND folder_id = ? AND bucket = ?"
)
_NO_COMMAND = "DELETE FROM commands USING TIMESTAMP ? WHERE user_id = ? AND command_id = ?"
_NO_CHANGES = "DELETE FROM changes USING TIMESTAMP ? WHERE user_id = ? AND stretch = ?"
_NO_MAILBOX = "DELETE FROM mailboxes USING TIMESTAMP ? WHERE user_id = ?"
_MARK = "INSERT INTO mailboxes (user_id, seq, used_bytes) VALUES (?, ?, ?) USING TIMESTAMP ?"


@dataclass(slots=True)
class Erasure:
    """One mailbox on its way out."""

    session: CassandraSession
    user_id: str

    async def erase(self, limit: int) -> bool:
        """Take away up to *limit* mails, and with the last of them all else; tell if any are left.

        Raises:
            Retryable: As the session; any part may have been done.
        """
        rows = await self.session.execute(_ROWS, (self.user_id,))
        seq = max((row[2] or 0 for row in rows), default=0)
        if any(row[3] == ERASED for row in rows):
            return False
        for folder_id, bucket in _places(rows):
            taken = await self._bucket(folder_id, bucket, limit)
            limit -= taken
            if limit <= 0:
                return True
        await self._history(seq)
        # In this order: a row of its own is seen beside the mark of the deletion before it.
        await self.session.execute(_NO_MAILBOX, (AFTER_ALL - 1, self.user_id))
        await self.session.execute(_MARK, (self.user_id, seq + 1, ERASED, AFTER_ALL))
        return False

    async def _bucket(self, folder_id: str, bucket: int, limit: int) -> int:
        """Take away up to *limit* mails of a bucket; return how many."""
        place = (self.user_id, folder_id, bucket)
        lines = await self.session.execute(_LINES, (*place, limit))
        keys = [row[0] for row in lines]
        for some in _groups(keys):
            await self._mails(await self.session.execute(_BODIES, (self.user_id, some)))
        if len(lines) < limit:
            await self.session.execute(_NO_BUCKET, (AFTER_ALL, *place))
        else:
            await self._do([(_NO_LINE, (AFTER_ALL, *place, key)) for key in keys])
        return len(lines)

    async def _mails(self, rows: Sequence[Row]) -> None:
        around: list[Statement] = []
        for _, thread_id, body in rows:
            if thread_id is not None:
                around.append((_NO_THREAD, (AFTER_ALL, self.user_id, thread_id)))
            if body is not None:
                mail_id, message_ids = named_in(body)
                around.append((_NO_COPY, (AFTER_ALL, key_of(mail_id), self.user_id)))
                around += [
                    (_NO_MESSAGE_ID, (AFTER_ALL, self.user_id, digest_of(each)))
                    for each in message_ids
                ]
        await self._do(around)
        await self._do([(_NO_MAIL, (AFTER_ALL, self.user_id, row[0])) for row in rows])

    async def _history(self, seq: int) -> None:
        """Take away the changes, and what leads to the mails that were deleted before."""
        for stretch in range(seq // STRETCH, -1, -1):
            rows = await self.session.execute(_CHANGES, (self.user_id, stretch))
            if not rows and stretch < seq // STRETCH:
                return  # those before are gone, since their time was over
            gone: dict[str, None] = {}
            for _, kept in rows:
                for event in events_of(kept):
                    if isinstance(event, MailboxChanged) and event.kind == "email.removed":
                        gone[event.email_id] = None
            await self._do([(_NO_MAIL, (AFTER_ALL, self.user_id, key_of(each))) for each in gone])
            await self._do([(_NO_COMMAND, (AFTER_ALL, self.user_id, row[0])) for row in rows])
            await self.session.execute(_NO_CHANGES, (AFTER_ALL, self.user_id, stretch))

    async def _do(self, statements: Sequence[Statement]) -> None:
        for some in _groups(statements):
            await self.session.batch(some)

    async def remains(self) -> int:
        """Return how many mails, folders, labels and changes there are."""
        rows = await self.session.execute(_ROWS, (self.user_id,))
        seq = max((row[2] or 0 for row in rows), default=0)
        found = sum(row[0] is not None for row in rows)
        for folder_id, bucket in _places(rows):
            found += len(
                await self.session.execute(_LINES, (self.user_id, folder_id, bucket, 1_000))
            )
        for stretch in range(seq // STRETCH, -1, -1):
            changes = await self.session.execute(_CHANGES, (self.user_id, stretch))
            found += len(changes)
            if not changes and stretch < seq // STRETCH:
                break
        return found


def _places(rows: Sequence[Row]) -> list[tuple[str, int]]:
    return [
        (row[0], bucket.number)
        for row in rows
        if row[0] is not None and row[1] is not None
        for bucket in buckets_of(row[1])
    ]


def _groups(items: Sequence[T]) -> list[list[T]]:
    return [list(items[at : at + AT_ONCE]) for at in range(0, len(items), AT_ONCE)]
