"""index: whatever comes in whatever order, the index shows the mailbox as it is."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from connectors.documents.reader import DocumentTexts
from connectors.memory.search import MemorySearch
from tests.contracts.documents import a_pdf
from topologies.errors import BlobMissing
from topologies.events import (
    QUARANTINE_USER,
    Address,
    Attachment,
    MailboxChanged,
    Message,
    RawRef,
)
from topologies.mail.ids import derived_id
from topologies.mail.query import parse
from topologies.mailbox.index import INDEXED_TEXT_BYTES, index
from topologies.ports.mailboxes import Email, Summary

NOW = datetime(2026, 3, 14, tzinfo=UTC)
ID = derived_id(NOW, "mail")
BLOB = "0" * 64


@pytest.mark.parametrize(
    "typed",
    [
        "overdue",
        "from:ada",
        "to:bo",
        "to:carol",
        "to:dora",
        "to:sales@example.org",
        "subject:invoice",
        "filename:scan.pdf has:attachment",
        "in:inbox is:unread larger:3K after:2026-03-14 before:2026-03-15",
    ],
)
async def test_a_new_mail_is_found_by_all_that_it_says(typed: str) -> None:
    world = World(email())
    await world.tell("email.added")

    assert await world.find(typed) == [ID]


async def test_a_flag_is_seen_without_reading_the_mail_again() -> None:
    world = World(email())
    await world.tell("email.added")
    world.mailboxes.email_ = email(is_read=True, folder_id="archive", changed_seq=2)
    await world.tell("email.updated")

    assert await world.find("overdue is:read in:archive") == [ID]
    assert world.mailboxes.reads == 1


@pytest.mark.parametrize("kind", ["email.updated", "email.moved"])
async def test_a_change_of_a_mail_that_was_never_indexed_indexes_it(kind: str) -> None:
    world = World(email())
    await world.tell(kind)

    assert await world.find("overdue") == [ID]


async def test_a_draft_that_was_saved_again_is_found_by_what_it_says_now() -> None:
    world = World(email())
    await world.tell("email.added")
    saved = a_message(subject="Thanks", text="It is paid.", attachments=())
    world.mailboxes.email_ = email(message=saved, changed_seq=2, has_attachments=False)
    await world.tell("email.updated", is_rewritten=True)

    assert await world.find("paid subject:thanks") == [ID]
    assert await world.find("overdue") == await world.find("filename:scan.pdf") == []


async def test_a_removed_mail_is_not_found() -> None:
    world = World(email())
    await world.tell("email.added")
    world.mailboxes.email_ = None
    await world.tell("email.removed")

    assert await world.find("") == []


@pytest.mark.parametrize("kind", ["email.added", "email.updated", "email.moved"])
async def test_a_late_replay_does_not_bring_a_removed_mail_back(kind: str) -> None:
    world = World(email())
    await world.tell("email.added")
    await world.tell("email.removed")
    await world.tell(kind)  # even if a read of the mailbox still showed it
    world.mailboxes.email_ = None
    await world.tell(kind)

    assert await world.find("") == []


async def test_a_read_that_lags_removes_nothing() -> None:
    world = World(None)
    await world.tell("email.added")
    world.mailboxes.email_ = email()
    await world.tell("email.updated")

    assert await world.find("overdue") == [ID]


async def test_an_older_read_does_not_undo_a_newer_state() -> None:
    world = World(email(is_read=True, changed_seq=7))
    await world.tell("email.added")
    world.mailboxes.email_ = email(is_read=False, changed_seq=6)
    await world.tell("email.added")
    await world.tell("email.updated")

    assert await world.find("is:read") == [ID]


@pytest.mark.parametrize("kind", ["folder.added", "folder.removed", "thread.merged"])
async def test_folders_and_threads_are_not_indexed(kind: str) -> None:
    world = World(email())
    await world.tell(kind)

    assert await world.find("") == []


async def test_the_quarantine_is_not_indexed_and_its_files_are_not_taken_apart() -> None:
    world = World(email())
    world.texts = NotToBeAsked()
    await world.tell("email.added", user_id=QUARANTINE_USER)

    found = await world.search.search(QUARANTINE_USER, parse("", now=NOW))
    assert list(found.email_ids) == []


async def test_a_large_text_is_read_from_its_blob_up_to_a_limit() -> None:
    whole = b"x " * (INDEXED_TEXT_BYTES // 2 - 4) + b"inside \xe2\x82\xac" + b" outside"
    world = World(email(message=a_message(text="start", text_blob=BLOB)), blobs={BLOB: whole})
    await world.tell("email.added")

    assert (await world.find("inside"), await world.find("outside")) == ([ID], [])


async def test_a_missing_blob_leaves_the_start_findable() -> None:
    world = World(email(message=a_message(text="start", text_blob=BLOB)))
    await world.tell("email.added")

    assert await world.find("start") == [ID]


async def test_what_is_written_in_attached_files_is_found_also_by_a_replay() -> None:
    world = World(
        email(message=a_message(attachments=(note("1"), note("2", "text/plain")))),
        blobs={"1": a_pdf("Turbine blades"), "2": b"spare parts"},
    )
    for _ in range(2):
        await world.tell("email.added")
        assert await world.find("blades body:spare") == [ID]


async def test_a_file_that_can_not_be_read_costs_its_own_text_alone() -> None:
    world = World(
        email(message=a_message(attachments=(note("1"), note("lost"), note("2", "text/plain")))),
        blobs={"1": b"%PDF-1.7 and nothing more", "2": b"spare parts"},
    )
    await world.tell("email.added")

    assert await world.find("spare overdue filename:note") == [ID]


# --- builders -----------------------------------------------------------------------


class OneMailbox:
    """A mailbox with one mail or none; counts how often the whole mail was read."""

    def __init__(self, email_: Email | None) -> None:
        self.email_ = email_
        self.reads = 0

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        self.reads += 1
        return self.email_

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        return [self.email_.summary] if self.email_ else []


@dataclass(frozen=True)
class SomeBlobs:
    contents: dict[str, bytes]

    async def get(self, blob: str) -> bytes:
        if blob not in self.contents:
            raise BlobMissing(blob)
        return self.contents[blob]

    async def stream(
        self, blob: str, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        if blob not in self.contents:
            raise BlobMissing(blob)
        part = self.contents[blob][start:end]
        for at in range(0, len(part), 1000):
            yield part[at : at + 1000]


class NotToBeAsked:
    async def texts_of(self, *_: object) -> list[str]:
        raise AssertionError("a file of the quarantine was opened")


class World:
    """A mailbox, its index, and the stage between them."""

    def __init__(self, email_: Email | None, blobs: dict[str, bytes] | None = None) -> None:
        self.mailboxes: Any = OneMailbox(email_)
        self.blobs: Any = SomeBlobs(blobs or {})
        self.search = MemorySearch()
        self.texts: Any = DocumentTexts()

    async def tell(self, kind: Any, *, is_rewritten: bool = False, user_id: str = "ann") -> None:
        change = MailboxChanged(
            user_id=user_id,
            seq=1,
            command_id="c",
            changed_at=NOW,
            kind=kind,
            email_id=ID,
            is_rewritten=is_rewritten,
        )
        written = await index(
            change,
            mailboxes=self.mailboxes,
            search=self.search,
            blobs=self.blobs,
            texts=self.texts,
        )
        assert written == []

    async def find(self, typed: str) -> list[str]:
        return list((await self.search.search("ann", parse(typed, now=NOW))).email_ids)


def a_message(**changed: Any) -> Message:
    values: dict[str, Any] = {
        "subject": "Invoice",
        "from_": (Address(address="ada@sender.example", name="Ada"),),
        "to": (Address(address="bo@example.org"),),
        "cc": (Address(address="carol@example.org"),),
        "bcc": (Address(address="dora@example.org"),),
        "text": "It is overdue.",
        "attachments": (
            Attachment(
                attachment_id="1",
                file_name="scan.pdf",
                content_type="application/pdf",
                size_bytes=1,
                blob=BLOB,
            ),
        ),
    }
    return Message(**(values | changed))


def note(blob: str, content_type: str = "application/pdf") -> Attachment:
    return Attachment(
        attachment_id=blob, file_name="note", content_type=content_type, size_bytes=1, blob=blob
    )


def email(*, message: Message | None = None, **state: Any) -> Email:
    summary = Summary(
        email_id=ID,
        folder_id="inbox",
        thread_id="t",
        is_read=False,
        is_starred=False,
        from_name="Ada",
        from_address="ada@sender.example",
        to=(),
        subject="Invoice",
        snippet="",
        has_attachments=True,
        size_bytes=5_000,
        created_at=NOW,
        changed_seq=1,
    )
    return Email(
        summary=structs.replace(summary, **state),
        mail_id="m",
        message=message or a_message(),
        raw_ref=RawRef(blob=BLOB, kind="whole", size_bytes=5_000),
        mail_from="ada@sender.example",
        recipient="sales@example.org",
        tag="",
        authentication=None,
        spam=None,
        note="",
    )
