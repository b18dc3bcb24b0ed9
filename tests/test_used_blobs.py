"""Which blobs are in use: a sweep may delete all others, and none of these."""

import base64
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.services import AT, DOMAIN, in_memory
from topologies.engines.handling import Emit, handle
from topologies.errors import BlobMissing
from topologies.events import (
    DELETED,
    INBOX,
    Address,
    BlobId,
    DeleteEmails,
    Draft,
    DraftTexts,
    Event,
    MailReceived,
    MoveEmails,
    SaveDraft,
)
from topologies.mail import ids
from topologies.mail.drafting import DraftFile, store_draft
from topologies.mail.raw import read_raw
from topologies.mail.sweep import sweep
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.dead_letters import DeadLetter
from topologies.ports.directory import Directory
from topologies.ports.log import Record
from topologies.ports.mailboxes import Folder, Mailboxes
from topologies.topology import build
from topologies.used_blobs import used_blobs

ATTACHMENT = bytes(range(256)) * 200  # so large that the raw message is kept without it


async def test_a_sweep_leaves_every_mail_whole_and_takes_the_rest() -> None:
    house = await House.made()
    await house.deliver("one", attachment=ATTACHMENT)
    await house.deliver("two")
    [stray] = await house.blobs.put([b"nobody refers to this"])
    await house.sweep()
    with suppress(BlobMissing):
        assert await house.blobs.get(stray) == "is gone"
    assert await house.subjects() == {"one": True, "two": True}


async def test_what_only_the_log_or_a_dead_letter_refers_to_is_in_use() -> None:
    house = await House.made()
    on_log, dead = await house.blobs.put([b"on the log", b"in a dead letter"])
    house.records = [record(received("a", raw_blob=on_log))]
    house.letters = [letter(received("b", raw_blob=dead))]
    assert {on_log, dead} <= await house.used()


async def test_a_mail_that_is_moved_into_a_folder_that_was_read_is_in_use() -> None:
    house = await House.made()
    await house.deliver("moved", attachment=ATTACHMENT)
    before = await house.used()
    house.mailboxes.move_after_listing = True
    assert await house.used() == before


async def test_a_mail_that_was_deleted_and_can_be_restored_is_in_use_until_it_is_gone() -> None:
    house = await House.made()
    await house.deliver("deleted", attachment=ATTACHMENT)
    used = await house.used()
    await house.delete_all(is_restorable=True)
    assert await house.subjects() == {}
    assert await house.used() == used
    await house.delete_all(is_restorable=False)
    assert await house.used() == set()


async def test_all_that_a_draft_refers_to_is_in_use_until_another_version_replaces_it() -> None:
    house = await House.made()
    first, second = await house.save("one", "", b"1"), await house.save("two", "one", b"2")
    used = await house.used()
    assert second <= used
    assert not first & used


async def test_a_record_of_others_is_passed_over() -> None:
    house = await House.made()
    house.records = [record(b"no JSON"), record(b'{"message": 1}')]
    assert await house.used() == set()


class Moving(MemoryMailboxes):
    """Moves the newest mail of the inbox to the folder that was listed just before it."""

    move_after_listing = False
    house: "House"

    async def folders(self, user_id: str) -> Sequence[Folder]:
        # The inbox last: then trash has been read when its mail is moved there.
        return sorted(await super().folders(user_id), key=lambda f: f.folder_id == "inbox")

    async def page(self, user_id: str, folder_id: str, **how: Any) -> Any:
        if folder_id == "inbox" and self.move_after_listing:
            self.move_after_listing = False
            page = await super().page(user_id, "inbox")
            assert page is not None
            [line] = page.emails
            await self.house.apply(
                MoveEmails(
                    user_id=user_id,
                    command_id="move",
                    issued_at=AT,
                    email_ids=(line.email_id,),
                    folder_id="trash",
                )
            )
        return await super().page(user_id, folder_id, **how)


class House:
    def __init__(self, services: dict[type, Any], user_id: str, mailboxes: Moving) -> None:
        self._services = services
        self.user_id = user_id
        self.mailboxes = mailboxes
        self.blobs: MemoryBlobs = services[Blobs]
        self.records: list[Record] = []
        self.letters: list[DeadLetter] = []
        mailboxes.house = self

    @classmethod
    async def made(cls) -> "House":
        services = await in_memory()
        clock: ManualClock = services[Clock]
        services[Blobs] = MemoryBlobs(clock.now)
        services[Mailboxes] = mailboxes = Moving(clock)
        ann = await services[Directory].user_by_address(f"ann@{DOMAIN}")
        return cls(services, ann.user_id, mailboxes)

    async def deliver(self, subject: str, *, attachment: bytes = b"") -> None:
        await self.apply(received(subject, raw=raw_of(subject, attachment)))

    async def save(self, version: str, replaces: str, content: bytes) -> set[BlobId]:
        """Save a draft with a long text and a file; return all that it refers to."""
        [blob] = await self.blobs.put([content])
        kept = await store_draft(
            Draft(version=version, saved_at=AT),
            DraftTexts(text=f"{version} " * 40_000),
            [DraftFile(attachment_id="a", name="a", content_type="a/b", blob=blob, size_bytes=1)],
            draft_id="draft",
            sender=Address(address=f"ann@{DOMAIN}"),
            in_reply_to="",
            references=(),
            blobs=self.blobs,
        )
        await self.apply(
            SaveDraft(
                user_id=self.user_id,
                command_id=version,
                issued_at=AT,
                email_id=ids.derived_id(AT, "draft"),
                replaces=replaces,
                draft=kept.draft,
                message=kept.message,
                raw_ref=kept.raw_ref,
            )
        )
        [attachment] = kept.message.attachments
        assert kept.draft.texts_blob is not None
        assert kept.message.text_blob is not None
        return {
            kept.raw_ref.blob,
            kept.draft.texts_blob,
            kept.message.text_blob,
            attachment.blob,
        }

    async def apply(self, event: Event) -> None:
        """Let all stages do their work on *event* and what follows."""
        for stage in build().stages:
            if type(event) in stage.reads:
                outcome = await handle(stage, event, self._services)
                assert isinstance(outcome, Emit), outcome
                for each in outcome.events:
                    await self.apply(each)

    async def used(self) -> set[BlobId]:
        return {blob async for blob in self._used()}

    async def sweep(self) -> None:
        now = AT + timedelta(days=30)
        await sweep(self.blobs, self._used(), now=now, grace=timedelta(days=7))

    async def delete_all(self, *, is_restorable: bool) -> None:
        """Delete all mails of the inbox, or that were deleted, for good."""
        for folder_id in (INBOX, DELETED):
            page = await self.mailboxes.page(self.user_id, folder_id)
            await self.apply(
                DeleteEmails(
                    user_id=self.user_id,
                    command_id=ids.command_id("delete", folder_id, str(is_restorable)),
                    issued_at=AT,
                    email_ids=tuple(line.email_id for line in page.emails),
                    permanent=True,
                    is_restorable=is_restorable,
                )
            )

    async def subjects(self) -> dict[str, bool]:
        """Return the subjects, and whether the raw message is whole."""
        page = await self.mailboxes.page(self.user_id, "inbox")
        assert page is not None
        found: dict[str, bool] = {}
        for line in page.emails:
            email = await self.mailboxes.email(self.user_id, line.email_id)
            assert email is not None
            raw = await read_raw(self.blobs, email.raw_ref)
            is_whole = raw in (raw_of(line.subject, b""), raw_of(line.subject, ATTACHMENT))
            found[line.subject] = is_whole
        return found

    async def read(self, topic: str, *, since: datetime | None = None) -> AsyncGenerator[Record]:
        for each in self.records:
            if each.topic == topic:
                yield each

    async def list(self, **_: object) -> Sequence[DeadLetter]:
        return self.letters

    def _used(self) -> AsyncGenerator[BlobId]:
        directory = self._services[Directory]
        return used_blobs(directory, self.mailboxes, self.blobs, self, self)  # type: ignore[arg-type]


def raw_of(subject: str, attachment: bytes) -> bytes:
    head = f"From: a@far.example\r\nSubject: {subject}\r\n".encode()
    if not attachment:
        return head + b"\r\nhello\r\n"
    letters = base64.b64encode(attachment)
    lines = b"\r\n".join(letters[at : at + 76] for at in range(0, len(letters), 76))
    return head + (
        b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=x.bin\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + lines + b"\r\n"
    )


def received(name: str, *, raw: bytes | None = None, raw_blob: str | None = None) -> MailReceived:
    return MailReceived(
        mail_id=ids.derived_id(AT, name),
        received_at=AT,
        origin="smtp",
        mail_from="a@far.example",
        recipients=(f"ann@{DOMAIN}",),
        size_bytes=1,
        raw=raw,
        raw_blob=raw_blob,
    )


def record(event: MailReceived | bytes) -> Record:
    value = event if isinstance(event, bytes) else msgspec.json.encode(event)
    return Record(
        topic="mail.received",
        partition=0,
        offset=0,
        key="k",
        value=value,
        event_id="e",
        appended_at=AT,
    )


def letter(event: MailReceived) -> DeadLetter:
    return DeadLetter(
        letter_id="inbound-0-0",
        path="inbound",
        stage="parse",
        kind="bug",
        reason="",
        traceback="",
        attempts=1,
        key="k",
        value=msgspec.json.encode(event),
        event_id="e",
        origin="",
        buried_at=AT,
    )
