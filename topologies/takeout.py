"""Takeout: everything that a user has, as the members of one zip file, written as it is read.

``mail/`` holds an mbox file for each folder; JSON documents hold the rest (docs/in-and-out.md
describes each). Secrets are in none of them: of passwords and webhooks there are the names.
Memory: one message, and some 80 bytes for each mail.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import msgspec

from topologies import exporting
from topologies.errors import BlobMissing
from topologies.events import DRAFTS
from topologies.exporting import Lying
from topologies.mail import mbox_writing
from topologies.mail.listing import pages
from topologies.mail.zip_writing import ZipWriting
from topologies.ports.app_passwords import AppPasswords
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.contacts import Contacts
from topologies.ports.directory import Directory, User
from topologies.ports.mailboxes import Email, Mailboxes
from topologies.ports.rules import Rules
from topologies.ports.snoozes import Snoozes
from topologies.ports.suppressions import Suppressions
from topologies.ports.webhooks import Webhooks

MOST_CONTACTS = 100_000
IN_A_THREAD_BYTES = 256 * 1024  # larger mails would hold up everything else
_README = """What you had at Rillmail.

mail/*.mbox         Your mail, a file for each folder, which mail programs open (mboxrd).
missing.json        Mails whose text could not be read, if there are any.
*.json              The rest; each is described in docs/in-and-out.md.
rules/*.sieve       Your filters (RFC 5228).

`rillmail import mail/ --user ADDRESS`, where this was unpacked, brings the mail back exactly.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Where the things of users are."""

    clock: Clock
    directory: Directory
    mailboxes: Mailboxes
    blobs: Blobs
    rules: Rules
    app_passwords: AppPasswords
    webhooks: Webhooks
    suppressions: Suppressions
    contacts: Contacts
    snoozes: Snoozes

    @classmethod
    def of(cls, stores: Any) -> "Holdings":
        """Return them out of whatever has an attribute for each."""
        return cls(**{field.name: getattr(stores, field.name) for field in fields(cls)})


async def takeout(
    user: User, holdings: Holdings, *, mail_only: bool = False
) -> AsyncGenerator[bytes]:
    """Yield the zip file, piece by piece.

    Args:
        user: Whose.
        holdings: Where it is read from.
        mail_only: Only what is in ``mail/``.

    Raises:
        Retryable: A store is out of reach; what was yielded is no whole file then.
    """
    writing = ZipWriting(holdings.clock.now())
    missing: list[str] = []
    async for data in _mail(user.user_id, holdings, writing, missing):
        yield data
    documents = {} if mail_only else await _documents(user, holdings)
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
    yield writing.close()


async def _mail(
    user_id: str, holdings: Holdings, writing: ZipWriting, missing: list[str]
) -> AsyncGenerator[bytes]:
    name = ""
    begun: set[str] = set()
    async for mail in exporting.mails(user_id, holdings.mailboxes):
        email_id = mail.summary.email_id
        try:
            found = await exporting.whole(user_id, email_id, holdings.mailboxes, holdings.blobs)
        except BlobMissing:
            missing.append(email_id)
            continue
        if found is None:
            continue
        email, raw = found
        if mail.path != name:
            name = mail.path
            writing.begin(_member(name, begun))

        def work(raw: bytes = raw, email: Email = email, mail: Lying = mail) -> bytes:
            return writing.write(
                mbox_writing.written(
                    raw,
                    email_id=mail.summary.email_id,
                    sender=email.mail_from,
                    stored_at=mail.summary.created_at,
                    filing=mail.filing,
                )
            )

        is_large = len(raw) > IN_A_THREAD_BYTES
        if written := await asyncio.to_thread(work) if is_large else work():
            yield written


def _member(folder: str, begun: set[str]) -> str:
    """Return the name of a folder's file; what moved meanwhile gets a further one."""
    stem, number = mbox_writing.file_name(folder).removesuffix(".mbox"), 1
    name = f"mail/{stem}.mbox"
    while name in begun:
        number += 1
        name = f"mail/{stem}-{number}.mbox"
    begun.add(name)
    return name


async def _documents(user: User, holdings: Holdings) -> dict[str, Any]:
    user_id = user.user_id
    rules = await holdings.rules.read(user_id)
    documents: dict[str, Any] = {
        "README.txt": _README,
        "account.json": asdict(user),
        "folders.json": [asdict(each) for each in await holdings.mailboxes.folders(user_id)],
        "labels.json": [asdict(each) for each in await holdings.mailboxes.labels(user_id)],
        "rules.json": {
            "active": rules.active,
            "scripts": [script.name for script in rules.scripts],
            "away": asdict(rules.away),
            "forwarding": asdict(rules.forwarding),
            "blocked": [asdict(each) for each in rules.blocked],
        },
        "app_passwords.json": [asdict(each) for each in await holdings.app_passwords.of(user_id)],
        "sessions.json": [asdict(each) for each in await holdings.directory.sessions.of(user_id)],
        "webhooks.json": [
            _without(asdict(each), "secrets") for each in await holdings.webhooks.of(user_id)
        ],
        "suppressions.json": await _suppressions(user_id, holdings),
        "contacts.json": [
            asdict(each) for each in await holdings.contacts.find(user_id, limit=MOST_CONTACTS)
        ],
    }
    documents["put_off.json"] = [asdict(each) for each in await holdings.snoozes.of(user_id)]
    for number, script in enumerate(rules.scripts, start=1):
        documents[f"rules/{number}.sieve"] = script.source
    return documents


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


async def _suppressions(user_id: str, holdings: Holdings) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await holdings.suppressions.page(user_id, limit=500, cursor=cursor)
        found += [asdict(each) for each in page.suppressions]
        cursor = page.next_cursor
        if cursor is None:
            return found


def _without(value: dict[str, Any], name: str) -> Mapping[str, Any]:
    return {key: each for key, each in value.items() if key != name}


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
