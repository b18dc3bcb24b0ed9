"""Takeout: everything that a user has, as the members of one zip file, written as it is read.

``mail/`` holds an mbox file for each folder, or ``Maildir/`` a file for each mail, ``deleted/``
what can be restored; JSON documents hold the rest (``topologies.takeout_documents``;
docs/in-and-out.md describes each). Memory: one message, some 80 bytes for each mail, as much again
for those of 90 days, and some 500 for each file of a Maildir.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from topologies import exporting
from topologies.errors import BlobMissing
from topologies.events import DELETED, DRAFTS
from topologies.exporting import Lying
from topologies.mail import ids, maildir, mbox_writing
from topologies.mail.listing import pages
from topologies.mail.raw import raw_of
from topologies.mail.zip_writing import ZipWriting
from topologies.ports.deliveries import KEPT
from topologies.ports.directory import User
from topologies.ports.mailboxes import Email
from topologies.takeout_documents import DOCUMENTS, Holdings, waiting

__all__ = ["Holdings", "takeout"]

IN_A_THREAD_BYTES = 256 * 1024  # larger mails would hold up everything else
_README = """What you had at Rillmail.

mail/*.mbox         Your mail, a file for each folder, which mail programs open (mboxrd);
Maildir/            or a file for each mail, which IMAP servers and mail programs read.
deleted/*.mbox      Mail that you deleted lately and could restore, if there is any.
missing.json        Mails whose text could not be read, if there are any.
*.json              The rest; each is described in docs/in-and-out.md.
scheduled/*.eml     Mail that you sent for later and that waits still.
deliveries.jsonl    What became of mail that you sent.
rules/*.sieve       Your filters (RFC 5228).

`rillmail import mail/ --user ADDRESS`, where this was unpacked, brings the mail back exactly
(`rillmail import Maildir/ …`).
"""


async def takeout(
    user: User, holdings: Holdings, *, mail_only: bool = False, as_maildir: bool = False
) -> AsyncGenerator[bytes]:
    """Yield the zip file, piece by piece.

    Args:
        user: Whose.
        holdings: Where it is read from.
        mail_only: Only the mail.
        as_maildir: As a Maildir, not as mbox files.

    Raises:
        Retryable: A store is out of reach; what was yielded is no whole file then.
    """
    writing = ZipWriting(holdings.clock.now())
    missing: list[str] = []
    sent = _Sent(holdings.clock.now() - KEPT)
    of_mail = _maildir if as_maildir else _mail
    async for data in of_mail(user.user_id, holdings, writing, missing, sent):
        yield data
    if not mail_only:
        async for data in _deleted(user.user_id, holdings, writing, missing, sent):
            yield data
        async for data in _waiting(user.user_id, holdings, writing, missing):
            yield data
    documents: dict[str, Any] = {} if mail_only else {"README.txt": _README}
    for read in () if mail_only else DOCUMENTS.values():
        documents |= await read(user, holdings)
    if missing:
        documents["missing.json"] = missing
    for name, value in documents.items():
        writing.begin(name)
        data = value.encode() if isinstance(value, str) else _json(value)
        if written := writing.write(data):
            yield written
    if not mail_only:
        async for data in _drafts(user.user_id, holdings, writing):
            yield data
        async for data in _deliveries(user.user_id, holdings, writing, sent):
            yield data
    yield writing.close()


@dataclass(slots=True)
class _Sent:
    """The mails of which it may be known what became of them elsewhere.

    Attributes:
        since: What became of older ones is forgotten.
        ids: Of each its email_id and its mail_id, as bytes.
    """

    since: datetime
    ids: list[bytes] = field(default_factory=list[bytes])

    def add(self, email: Email) -> None:
        """Take note of *email*; what was received may have been sent on."""
        if email.summary.created_at >= self.since:
            named = uuid.UUID(email.summary.email_id), uuid.UUID(email.mail_id)
            self.ids.append(b"".join(each.bytes for each in named))


async def _mail(
    user_id: str, holdings: Holdings, writing: ZipWriting, missing: list[str], sent: _Sent
) -> AsyncGenerator[bytes]:
    name = ""
    begun: set[str] = set()
    async for mail in exporting.mails(user_id, holdings.mailboxes):
        if (found := await _whole(user_id, mail, holdings, missing)) is None:
            continue
        sent.add(found[0])
        if mail.path != name:
            name = mail.path
            writing.begin(_member(name, begun))
        if written := await _written(*found, mail, writing):
            yield written


async def _maildir(
    user_id: str, holdings: Holdings, writing: ZipWriting, missing: list[str], sent: _Sent
) -> AsyncGenerator[bytes]:
    begun: set[str] = set()
    _begin_maildir("Maildir/", "", writing)
    async for mail in exporting.mails(user_id, holdings.mailboxes):
        if (found := await _whole(user_id, mail, holdings, missing)) is None:
            continue
        sent.add(found[0])
        path, name_of_folder = mail.maildir_folder
        folder = f"Maildir/{path}/" if path else "Maildir/"
        if path and path not in begun:
            begun.add(path)
            _begin_maildir(folder, name_of_folder, writing)
        writing.begin(f"{folder}cur/{mail.maildir_name}", mail.summary.created_at)
        if written := await _in_turn(found[1], partial(writing.write, found[1])):
            yield written


def _begin_maildir(folder: str, name_of_folder: str, writing: ZipWriting) -> None:
    for part in ("cur", "new", "tmp"):
        writing.folder(f"{folder}{part}/")
    if folder != "Maildir/":
        writing.begin(f"{folder}maildirfolder")  # by Maildir++
    if name_of_folder:
        writing.begin(f"{folder}{maildir.NAME_FILE}")
        writing.write(name_of_folder.encode())


async def _deleted(
    user_id: str, holdings: Holdings, writing: ZipWriting, missing: list[str], sent: _Sent
) -> AsyncGenerator[bytes]:
    """Write what can be restored apart from the mail, since whoever brings that back has it so."""
    is_begun = False
    async for mail in exporting.deleted(user_id, holdings.mailboxes):
        if (found := await _whole(user_id, mail, holdings, missing)) is None:
            continue
        sent.add(found[0])
        if not is_begun:
            writing.begin("deleted/Deleted.mbox")
            is_begun = True
        if written := await _written(*found, mail, writing):
            yield written


async def _whole(
    user_id: str, mail: Lying, holdings: Holdings, missing: list[str]
) -> tuple[Email, bytes] | None:
    email_id, is_deleted = mail.summary.email_id, mail.summary.folder_id == DELETED
    stores = holdings.mailboxes, holdings.blobs
    try:
        return await exporting.whole(user_id, email_id, *stores, or_deleted=is_deleted)
    except BlobMissing:
        missing.append(email_id)
        return None


async def _written(email: Email, raw: bytes, mail: Lying, writing: ZipWriting) -> bytes:
    """Write a mail; return what there is of the zip file by now."""
    return await _in_turn(raw, lambda: writing.write(mail.as_mbox(email, raw)))


async def _in_turn(raw: bytes, work: Callable[[], bytes]) -> bytes:
    """Return what *work* does with a message, in a thread if that is large."""
    return await asyncio.to_thread(work) if len(raw) > IN_A_THREAD_BYTES else work()


def _member(folder: str, begun: set[str]) -> str:
    """Return the name of a folder's file; what moved meanwhile gets a further one."""
    stem, number = mbox_writing.file_name(folder).removesuffix(".mbox"), 1
    name = f"mail/{stem}.mbox"
    while name in begun:
        number += 1
        name = f"mail/{stem}-{number}.mbox"
    begun.add(name)
    return name


async def _drafts(user_id: str, holdings: Holdings, writing: ZipWriting) -> AsyncGenerator[bytes]:
    """Write what was typed, a line of JSON for each draft."""
    writing.begin("drafts.jsonl")
    async for lines in pages(holdings.mailboxes, user_id, DRAFTS):
        for line in lines:
            email = await holdings.mailboxes.email(user_id, line.email_id)
            if email is None or email.draft is None:
                continue
            typed: dict[str, Any] = msgspec.to_builtins(email.draft)
            if email.draft.texts_blob is not None:
                texts = await holdings.blobs.get(email.draft.texts_blob)
                typed["texts"] = msgspec.json.decode(texts)
                del typed["texts_blob"]
            data = msgspec.json.encode({"email_id": line.email_id, **typed}) + b"\n"
            if written := writing.write(data):
                yield written


async def _waiting(
    user_id: str, holdings: Holdings, writing: ZipWriting, missing: list[str]
) -> AsyncGenerator[bytes]:
    """Write the messages that are to be sent later, each as a file."""
    async for mail in waiting(user_id, holdings):
        email_id = ids.email_id(mail.mail_id, user_id)
        try:
            raw = await raw_of(mail, holdings.blobs)
        except BlobMissing:
            missing.append(email_id)
            continue
        writing.begin(f"scheduled/{email_id}.eml")
        if written := writing.write(raw):
            yield written


async def _deliveries(
    user_id: str, holdings: Holdings, writing: ZipWriting, sent: _Sent
) -> AsyncGenerator[bytes]:
    """Write what became of mails at other systems, a line of JSON for each destination."""
    writing.begin("deliveries.jsonl")
    for each in sent.ids:
        email_id, mail_id = (str(uuid.UUID(bytes=part)) for part in (each[:16], each[16:]))
        # A mail between two users has one id for both; what the sender is told is the sender's.
        for delivery in await holdings.deliveries.of_mail(mail_id):
            if delivery.user_id == user_id:
                told = {"email_id": email_id, "state": delivery.state, **asdict(delivery)}
                if written := writing.write(msgspec.json.encode(told) + b"\n"):
                    yield written


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
