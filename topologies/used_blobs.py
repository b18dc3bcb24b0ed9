"""Which blobs are in use: all that mailboxes, records of the log and dead letters refer to.

Reads every store, writes nothing. What the mark and sweep of blobs starts from, so it must leave
nothing out: a store that can't be read ends it with an error, and nothing is swept.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

import msgspec

from topologies.errors import BlobMissing
from topologies.events import DELETED, QUARANTINE_USER, BlobId, Draft, Message, RawRef
from topologies.mail import skeleton
from topologies.mail.listing import pages
from topologies.ports.blobs import Blobs
from topologies.ports.dead_letters import DeadLetters
from topologies.ports.directory import Directory
from topologies.ports.log import LogReader
from topologies.ports.mailboxes import Email, Mailboxes
from topologies.topics import TOPICS

MOST_DEAD_LETTERS = 1_000_000


class _Referring(msgspec.Struct, frozen=True):
    """What any event says of blobs."""

    raw_blob: BlobId | None = None
    raw_ref: RawRef | None = None
    message: Message | None = None
    draft: Draft | None = None


_referring: msgspec.json.Decoder[_Referring] = msgspec.json.Decoder(_Referring)


async def used_blobs(
    directory: Directory,
    mailboxes: Mailboxes,
    blobs: Blobs,
    reader: LogReader,
    dead_letters: DeadLetters,
) -> AsyncGenerator[BlobId]:
    """Yield every blob that something refers to, as often as it is referred to.

    The log comes first: what is worked off while this runs is in a mailbox when that is read.

    Raises:
        Retryable: A store is out of reach.
    """
    for topic in TOPICS:
        async with aclosing(reader.read(topic.name)) as records:
            async for record in records:
                for blob in _named_in(record.value):
                    yield blob
    for letter in await dead_letters.list(include_settled=True, limit=MOST_DEAD_LETTERS):
        for blob in _named_in(letter.value):
            yield blob
    owners = [user.user_id for user in await directory.users()]
    for user_id in (*owners, QUARANTINE_USER):
        async with aclosing(_of_mailbox(user_id, mailboxes, blobs)) as found:
            async for blob in found:
                yield blob


async def _of_mailbox(user_id: str, mailboxes: Mailboxes, blobs: Blobs) -> AsyncGenerator[BlobId]:
    since = (await mailboxes.mailbox(user_id)).seq
    folders = [folder.folder_id for folder in await mailboxes.folders(user_id)]
    for folder_id in (*folders, DELETED):
        async for lines in pages(mailboxes, user_id, folder_id):
            for line in lines:
                for blob in await _of_mail(user_id, line.email_id, mailboxes, blobs):
                    yield blob
    # A mail that was moved meanwhile into a folder that had been read is in none of them.
    has_more = True
    while has_more:
        changes = await mailboxes.changes(user_id, since)
        for change in changes.changes:
            if change.email_id:
                for blob in await _of_mail(user_id, change.email_id, mailboxes, blobs):
                    yield blob
        since, has_more = changes.seq, changes.has_more


async def _of_mail(
    user_id: str, email_id: str, mailboxes: Mailboxes, blobs: Blobs
) -> Sequence[BlobId]:
    email = await mailboxes.email(user_id, email_id, or_deleted=True)
    return () if email is None else await blobs_of(email, blobs)  # gone since


async def blobs_of(email: Email, blobs: Blobs) -> list[BlobId]:
    """Return every blob that *email* refers to, and those that its skeleton does.

    Raises:
        Retryable: The store is out of reach.
    """
    found = list(_of_message(email.message, email.raw_ref))
    if email.draft is not None and email.draft.texts_blob is not None:
        found.append(email.draft.texts_blob)
    if email.raw_ref.kind == "skeleton":
        found += await _of_skeleton(email.raw_ref, blobs)
    return found


async def _of_skeleton(ref: RawRef, blobs: Blobs) -> set[BlobId]:
    try:
        return skeleton.references(await blobs.get(ref.blob))
    except BlobMissing:
        return set()


def _named_in(value: bytes) -> Iterator[BlobId]:
    try:
        event = _referring.decode(value)
    except msgspec.DecodeError:
        return  # no event of ours: it refers to nothing that we put
    if event.raw_blob is not None:
        yield event.raw_blob
    if event.draft is not None and event.draft.texts_blob is not None:
        yield event.draft.texts_blob
    yield from _of_message(event.message, event.raw_ref)


def _of_message(message: Message | None, ref: RawRef | None) -> Iterator[BlobId]:
    if ref is not None:
        yield ref.blob
    if message is None:
        return
    yield from (attachment.blob for attachment in message.attachments)
    yield from (blob for blob in (message.text_blob, message.html_blob) if blob is not None)
