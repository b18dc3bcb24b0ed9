"""A mailbox read out whole: each mail once, with its folder, flags and raw bytes.

Reads mailboxes and blobs, writes nothing; mail may flow meanwhile. What is there from the
beginning to the end is told exactly once, also if it is moved meanwhile; what comes or goes
meanwhile may be told or not. Memory: one message, and some 80 bytes for each mail.
"""

import uuid
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass

from topologies.events import DELETED, DRAFTS, INBOX, Filing
from topologies.mail import folder_names, maildir, mbox_writing
from topologies.mail.listing import pages
from topologies.mail.raw import read_raw
from topologies.ports.blobs import Blobs
from topologies.ports.mailboxes import Before, Email, Folder, Mailboxes, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """A mail in its place."""

    folder: Folder
    path: str  # of the folder: its name, with those that it lies in before it
    summary: Summary
    labels: tuple[str, ...] = ()  # names of those that it carries

    def as_mbox(self, email: Email, raw: bytes) -> bytes:
        """Return how it stands in an mbox file, being *email* with the bytes *raw*."""
        return mbox_writing.written(
            raw,
            email_id=self.summary.email_id,
            sender=email.mail_from,
            stored_at=self.summary.created_at,
            filing=self.filing,
        )

    @property
    def maildir_folder(self) -> tuple[str, str]:
        """Where its folder lies in a Maildir; see ``maildir.short_folder_path``."""
        return maildir.short_folder_path(self.path, is_inbox=self.folder.folder_id == INBOX)

    @property
    def maildir_name(self) -> str:
        """The name of its file there, in ``cur``."""
        return maildir.file_name(
            self.summary.email_id,
            self.summary.created_at,
            self.summary.size_bytes,
            is_read=self.summary.is_read,
            is_starred=self.summary.is_starred,
            is_draft=self.summary.folder_id == DRAFTS,
        )

    @property
    def filing(self) -> Filing:
        """Where it lies and how it is marked, as an import understands it."""
        return Filing(
            folder=self.path,
            is_read=self.summary.is_read,
            is_starred=self.summary.is_starred,
            labels=self.labels,
        )


async def visible_folders(user_id: str, mailboxes: Mailboxes) -> list[Folder]:
    """Return the folders that the user sees, as they are listed."""
    return [each for each in await mailboxes.folders(user_id) if not each.is_deleting]


async def mails(
    user_id: str, mailboxes: Mailboxes, only: Collection[str] | None = None
) -> AsyncGenerator[Lying]:
    """Yield the mails of a mailbox, folder after folder, each newest first.

    Args:
        user_id: Whose mailbox.
        mailboxes: What is true.
        only: The ids of the folders that are wanted; None: all.

    Raises:
        Retryable: The store is out of reach.
    """
    since = (await mailboxes.mailbox(user_id)).seq
    told: set[bytes] = set()
    names = {label.label_id: label.name for label in await mailboxes.labels(user_id)}

    def lying(folder: Folder, line: Summary) -> Lying:
        labels = tuple(names[each] for each in line.labels if each in names)
        path = paths.get(folder.folder_id, folder.name)
        return Lying(folder=folder, path=path, summary=line, labels=labels)

    visible = await visible_folders(user_id, mailboxes)
    paths = folder_names.paths(visible)
    for folder in visible:
        if only is not None and folder.folder_id not in only:
            continue
        async for lines in pages(mailboxes, user_id, folder.folder_id):
            for line in lines:
                if _is_first(line.email_id, told):
                    yield lying(folder, line)
    # What was moved meanwhile into a folder that had been read was in none of them.
    has_more = True
    while has_more:
        changes = await mailboxes.changes(user_id, since)
        since, has_more = changes.seq, changes.has_more
        moved = [c.email_id for c in changes.changes if c.email_id and c.kind != "email.removed"]
        folders = {f.folder_id: f for f in await visible_folders(user_id, mailboxes)}
        for line in await mailboxes.summaries(user_id, list(dict.fromkeys(moved))):
            is_wanted = only is None or line.folder_id in only
            if is_wanted and line.folder_id in folders and _is_first(line.email_id, told):
                yield lying(folders[line.folder_id], line)


async def deleted(user_id: str, mailboxes: Mailboxes) -> AsyncGenerator[Lying]:
    """Yield the mails that were deleted and can be restored, as they lay before.

    Raises:
        Retryable: The store is out of reach.
    """
    names = {label.label_id: label.name for label in await mailboxes.labels(user_id)}
    folders = {each.folder_id: each for each in await visible_folders(user_id, mailboxes)}
    paths = folder_names.paths(list(folders.values()))
    async for lines in pages(mailboxes, user_id, DELETED):
        for line in lines:
            before = line.before or Before(folder_id=INBOX, at=line.created_at)
            folder = folders.get(before.folder_id, folders[INBOX])
            labels = tuple(names[each] for each in before.labels if each in names)
            path = paths.get(folder.folder_id, folder.name)
            yield Lying(folder=folder, path=path, summary=line, labels=labels)


async def whole(
    user_id: str, email_id: str, mailboxes: Mailboxes, blobs: Blobs, *, or_deleted: bool = False
) -> tuple[Email, bytes] | None:
    """Return a mail and its raw message; None if it is gone since.

    Args:
        user_id: Whose.
        email_id: Which.
        mailboxes: What is true.
        blobs: Where raw messages are.
        or_deleted: Also one that was deleted and can be restored.

    Raises:
        BlobMissing: Its raw message is not where it should be.
    """
    email = await mailboxes.email(user_id, email_id, or_deleted=or_deleted)
    if email is None:
        return None
    return email, await read_raw(blobs, email.raw_ref)


def _is_first(email_id: str, told: set[bytes]) -> bool:
    key = uuid.UUID(email_id).bytes
    if key in told:
        return False
    told.add(key)
    return True
