"""Rebuild: the search index made anew from the mailboxes and blobs.

Reads mailboxes, writes an index: the one in use, or a new one beside it. Mail flows meanwhile:
versions see to it that what is read here never replaces something newer.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from topologies.mail.listing import pages
from topologies.mailbox.index import read_document
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import MAX_PAGE, Mailboxes
from topologies.ports.search import Search, SearchDocument, SearchQuery
from topologies.ports.texts import Texts

AT_ONCE = 50  # mails read beside each other, and indexed as one


async def index_mailbox(
    user_id: str, mailboxes: Mailboxes, blobs: Blobs, texts: Texts, search: Search
) -> AsyncGenerator[int]:
    """Index every mail of a mailbox, and take out what is not there; yield how many, at times.

    Args:
        user_id: Whose mailbox.
        mailboxes: What is true.
        blobs: Where long texts and files lie.
        texts: Reads files.
        search: The index to write.
    """
    done = 0
    there: set[str] = set()
    for folder in await mailboxes.folders(user_id):
        # A folder that is gone since has no pages; its mails are in another, listed or listed yet.
        async for lines in pages(mailboxes, user_id, folder.folder_id):
            ids = [line.email_id for line in lines]
            for start in range(0, len(ids), AT_ONCE):
                part = ids[start : start + AT_ONCE]
                await search.index(await _documents(user_id, part, mailboxes, blobs, texts))
                done += len(part)
                yield done
            there.update(ids)
    await _take_out(user_id, there, mailboxes, search)
    yield done


async def index_all(
    directory: Directory,
    mailboxes: Mailboxes,
    blobs: Blobs,
    texts: Texts,
    search: Search,
    *,
    known: Mapping[str, int],
) -> AsyncGenerator[tuple[str, int, int]]:
    """Index the mailboxes that have changed since they were indexed last.

    Args:
        directory: Who there is.
        mailboxes: What is true.
        blobs: Where long texts and files lie.
        texts: Reads files.
        search: The index to write.
        known: The number of the last change of each mailbox that is in the index already.

    Yields:
        user_id, the number of the last change that is in the index, mails indexed.
    """
    for user in await directory.users():
        seq = (await mailboxes.mailbox(user.user_id)).seq
        if known.get(user.user_id) == seq:
            continue
        done = 0
        async for count in index_mailbox(user.user_id, mailboxes, blobs, texts, search):
            done = count
        yield user.user_id, seq, done


async def _documents(
    user_id: str, email_ids: Sequence[str], mailboxes: Mailboxes, blobs: Blobs, texts: Texts
) -> list[SearchDocument]:
    async def document(email_id: str) -> SearchDocument | None:
        email = await mailboxes.email(user_id, email_id)
        if email is None:
            return None
        return await read_document(user_id, email, blobs, texts)

    found = await asyncio.gather(*map(document, email_ids))
    return [each for each in found if each is not None]


async def _take_out(user_id: str, there: set[str], mailboxes: Mailboxes, search: Search) -> None:
    cursor: str | None = None
    while True:
        hits = await search.search(user_id, SearchQuery(), limit=MAX_PAGE, cursor=cursor)
        stray = [email_id for email_id in hits.email_ids if email_id not in there]
        # What came or was moved since is in the mailbox all the same.
        held = {line.email_id for line in await mailboxes.summaries(user_id, stray)}
        if gone := [email_id for email_id in stray if email_id not in held]:
            await search.remove(user_id, gone)
        cursor = hits.next_cursor
        if cursor is None:
            return
