"""What can be found, and what blobs there are, held against a mailbox."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.documents.reader import DocumentTexts
from connectors.memory.blobs import MemoryBlobs
from tests.services import AT, DOMAIN, in_memory
from topologies.events import (
    Command,
    CreateLabel,
    DeleteEmails,
    Deliver,
    LabelEmails,
    MailboxChanged,
    Message,
    MoveEmails,
    RawRef,
    RestoreEmails,
    SetFlags,
)
from topologies.mail import ids
from topologies.mailbox.index import index
from topologies.mailbox.store import store
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.search import Search, SearchQuery
from topologies.reconcile import Compared, Difference, compare_mailbox, mending
from topologies.topics import FOR_STAGE

LATER = AT + timedelta(hours=1)


async def test_an_index_in_step_with_its_mailbox_has_no_differences() -> None:
    house = await House.made()
    await house.deliver("one")
    await house.deliver("two")
    compared = await house.compared()
    assert (compared.mails, compared.differences, compared.under_way) == (2, (), 0)


async def test_what_the_index_never_heard_of_is_missing_until_it_is_mended() -> None:
    house = await House.made()
    email_id = await house.deliver("unheard", is_told=False)
    assert kinds(await house.compared()) == [("missing", email_id)]
    await house.mend()
    assert (await house.compared()).differences == ()
    assert await house.found() == {email_id}


async def test_flags_and_folders_that_the_index_did_not_hear_of_are_stale_until_mended() -> None:
    house = await House.made()
    read, moved, starred = [await house.deliver(each) for each in ("read", "moved", "starred")]
    await house.apply(
        SetFlags(email_ids=(read,), is_read=True, **house.about("a")),
        MoveEmails(email_ids=(moved,), folder_id="trash", **house.about("b")),
        SetFlags(email_ids=(starred,), is_starred=True, **house.about("c")),
        is_told=False,
    )
    compared = await house.compared()
    assert {d.email_id: (d.kind, d.detail) for d in compared.differences} == {
        read: ("stale", "read is False, not True"),
        moved: ("stale", "folder is inbox, not trash"),
        starred: ("stale", "starred is False, not True"),
    }
    await house.mend()
    assert (await house.compared()).differences == ()


async def test_what_was_deleted_and_is_still_found_is_too_much_until_mended() -> None:
    house = await House.made()
    email_id = await house.deliver("gone")
    deleted = DeleteEmails(email_ids=(email_id,), permanent=True, **house.about("d"))
    await house.apply(deleted, is_told=False)
    assert kinds(await house.compared()) == [("extra", email_id)]
    await house.mend()
    assert (await house.compared()).differences == ()
    assert await house.found() == set()


async def test_what_can_be_restored_is_hidden_by_the_mending_and_found_when_it_is_back() -> None:
    house = await House.made()
    email_id = await house.deliver("gone")
    deleted = DeleteEmails(
        email_ids=(email_id,), permanent=True, is_restorable=True, **house.about("d")
    )
    await house.apply(deleted, is_told=False)
    assert kinds(await house.compared()) == [("extra", email_id)]
    await house.mend()
    assert (await house.compared()).differences == ()
    assert await house.found() == set()
    await house.apply(RestoreEmails(email_ids=(email_id,), **house.about("r")))
    assert (await house.compared()).differences == ()
    assert await house.found() == {email_id}


async def test_labels_that_the_index_did_not_hear_of_are_stale_until_mended() -> None:
    house = await House.made()
    email_id = await house.deliver("labelled")
    await house.apply(CreateLabel(label_id="l1", name="Work", **house.about("l")))
    labelled = LabelEmails(email_ids=(email_id,), added=("l1",), **house.about("x"))
    await house.apply(labelled, is_told=False)
    [difference] = (await house.compared()).differences
    assert (difference.kind, difference.detail) == ("stale", "labels is none, not l1")
    await house.mend()
    assert (await house.compared()).differences == ()


async def test_what_changed_lately_may_be_under_way() -> None:
    house = await House.made()
    gone = await house.deliver("gone")
    await house.deliver("unheard", is_told=False)
    deleted = DeleteEmails(email_ids=(gone,), permanent=True, **house.about("d"))
    await house.apply(deleted, is_told=False)
    compared = await house.compared(settled_before=AT)
    assert (compared.under_way, compared.differences) == (2, ())


async def test_mending_twice_and_late_changes_nothing_that_is_right() -> None:
    house = await House.made()
    email_id = await house.deliver("unheard", is_told=False)
    differences = (await house.compared()).differences
    await house.apply(SetFlags(email_ids=(email_id,), is_read=True, **house.about("a")))
    for _ in range(2):
        await house.hand_on(differences)
    assert (await house.compared()).differences == ()


async def test_mending_is_for_the_stage_index_alone() -> None:
    house = await House.made()
    await house.deliver("unheard", is_told=False)
    [difference] = (await house.compared()).differences
    entry = mending(difference, LATER)
    assert entry is not None
    assert (entry.topic, entry.key) == ("mailbox.changes", house.user_id)
    assert entry.headers == {FOR_STAGE: "index"}


async def test_a_blob_that_is_gone_is_told_and_can_not_be_mended() -> None:
    house = await House.made()
    await house.deliver("whole")
    email_id = await house.deliver("hollow", raw_blob="f" * 64)
    [difference] = (await house.compared(has_blobs=True)).differences
    assert (difference.kind, difference.email_id) == ("blob", email_id)
    assert difference.detail == f"blob {'f' * 64} is not there"
    assert mending(difference, LATER) is None


async def test_blobs_are_not_asked_about_unless_they_are_wanted() -> None:
    house = await House.made()
    await house.deliver("hollow", raw_blob="f" * 64)
    compared = await house.compared()
    assert (compared.blobs, compared.differences) == (0, ())


def kinds(compared: Compared) -> list[tuple[str, str]]:
    return [(difference.kind, difference.email_id) for difference in compared.differences]


class House:
    def __init__(self, services: dict[type, Any], user_id: str, blob: str) -> None:
        self.user_id = user_id
        self._blob = blob
        self._mailboxes: Mailboxes = services[Mailboxes]
        self._search: Search = services[Search]
        self._blobs: MemoryBlobs = services[Blobs]

    @classmethod
    async def made(cls) -> "House":
        services = await in_memory()
        user = await services[Directory].user_by_address(f"ann@{DOMAIN}")
        [blob] = await services[Blobs].put([b"Subject: it is there\r\n\r\n"])
        return cls(services, user.user_id, blob)

    def about(self, name: str) -> dict[str, Any]:
        """Return what every command says."""
        return {
            "user_id": self.user_id,
            "command_id": ids.command_id(name, self.user_id),
            "issued_at": AT,
        }

    async def deliver(self, subject: str, *, is_told: bool = True, raw_blob: str = "") -> str:
        mail_id = ids.derived_id(AT, subject)
        email_id = ids.email_id(mail_id, self.user_id)
        command = Deliver(
            email_id=email_id,
            mail_id=mail_id,
            folder_id="inbox",
            message=Message(subject=subject, text=subject),
            raw_ref=RawRef(blob=raw_blob or self._blob, kind="whole", size_bytes=1),
            received_at=AT,
            **self.about(subject),
        )
        await self.apply(command, is_told=is_told)
        return email_id

    async def apply(self, *commands: Command, is_told: bool = True) -> None:
        """Let the mailbox do what it is told; the index hears of it, or does not."""
        for command in commands:
            for fact in await store(command, mailboxes=self._mailboxes):
                if is_told and isinstance(fact, MailboxChanged):
                    await self._index(fact)

    async def compared(
        self, *, settled_before: datetime = LATER, has_blobs: bool = False
    ) -> Compared:
        return await compare_mailbox(
            self.user_id,
            mailboxes=self._mailboxes,
            search=self._search,
            blobs=self._blobs if has_blobs else None,
            settled_before=settled_before,
        )

    async def mend(self) -> None:
        await self.hand_on((await self.compared()).differences)

    async def hand_on(self, differences: Sequence[Difference]) -> None:
        for difference in differences:
            entry = mending(difference, LATER)
            assert entry is not None
            await self._index(msgspec.json.decode(entry.value, type=MailboxChanged))

    async def found(self) -> set[str]:
        return set((await self._search.search(self.user_id, SearchQuery())).email_ids)

    async def _index(self, change: MailboxChanged) -> None:
        await index(
            change,
            mailboxes=self._mailboxes,
            search=self._search,
            blobs=self._blobs,
            texts=DocumentTexts(),
        )
