"""The search index made anew from the mailboxes."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from connectors.memory.search import MemorySearch
from tests.services import AT, DOMAIN, in_memory
from topologies.events import Attachment, Deliver, Message, RawRef
from topologies.mail import ids
from topologies.mailbox.index import document_of, index
from topologies.mailbox.store import store
from topologies.ports.blobs import Blobs
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.search import Search, SearchQuery, Term
from topologies.ports.texts import Texts
from topologies.rebuild import index_all, index_mailbox


async def test_every_mail_of_a_mailbox_can_be_found_in_an_empty_index() -> None:
    house = await House.with_mails("one", "two", "three")
    search = MemorySearch()
    assert [done async for done in house.rebuilt(search)][-1] == 3
    assert await house.found(search) == await house.found(house.search)
    assert len(await house.found(search)) == 3


async def test_mails_are_found_by_their_files_as_well() -> None:
    house = await House.with_mails("one")
    await house.deliver("two", file=b"turbine blades")
    search = MemorySearch()
    assert [done async for done in house.rebuilt(search)][-1] == 2
    asked = SearchQuery(terms=(Term(field="text", words="turbine"),))
    assert (await search.search(house.user_id, asked)).total_count == 1


async def test_what_is_not_in_the_mailbox_any_more_is_taken_out() -> None:
    house = await House.with_mails("one")
    elsewhere = await House.with_mails("stray")
    [stray] = await elsewhere.found(elsewhere.search)
    email = await elsewhere.mailboxes.email(elsewhere.user_id, stray)
    assert email is not None
    await house.search.index([document_of(house.user_id, email, "stray")])
    assert len(await house.found(house.search)) == 2
    assert [done async for done in house.rebuilt(house.search)][-1] == 1
    assert len(await house.found(house.search)) == 1


async def test_only_mailboxes_that_changed_since_are_gone_over() -> None:
    house = await House.with_mails("one")
    search = MemorySearch()
    known = {user_id: seq async for user_id, seq, _ in house.all_rebuilt(search, {})}
    assert known[house.user_id] == 1
    assert [each async for each in house.all_rebuilt(search, known)] == []
    await house.deliver("two")
    assert [each async for each in house.all_rebuilt(search, known)] == [(house.user_id, 2, 2)]
    assert len(await house.found(search)) == 2


class House:
    def __init__(self, services: dict[type, Any], user_id: str) -> None:
        self._services = services
        self.user_id = user_id
        self.mailboxes: Mailboxes = services[Mailboxes]
        self.search: Search = services[Search]

    @classmethod
    async def with_mails(cls, *subjects: str) -> "House":
        services = await in_memory()
        user = await services[Directory].user_by_address(f"ann@{DOMAIN}")
        house = cls(services, user.user_id)
        for subject in subjects:
            await house.deliver(subject)
        return house

    async def deliver(self, subject: str, *, file: bytes = b"") -> None:
        """Store a mail, and index it as the stage does."""
        blobs = self._services[Blobs]
        [blob] = await blobs.put([file])
        attached = Attachment(
            attachment_id="1",
            file_name="a.txt",
            content_type="text/plain",
            size_bytes=len(file),
            blob=blob,
        )
        mail_id = ids.derived_id(AT, subject)
        command = Deliver(
            user_id=self.user_id,
            command_id=ids.command_id("deliver", mail_id, self.user_id),
            issued_at=AT,
            email_id=ids.email_id(mail_id, self.user_id),
            mail_id=mail_id,
            folder_id="inbox",
            message=Message(subject=subject, text=subject, attachments=(attached,) if file else ()),
            raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=1),
            received_at=AT + timedelta(seconds=1),
        )
        for change in await store(command, mailboxes=self.mailboxes):
            await index(
                change,
                mailboxes=self.mailboxes,
                search=self.search,
                blobs=blobs,
                texts=self._services[Texts],
            )

    def rebuilt(self, search: Search) -> AsyncGenerator[int]:
        return index_mailbox(
            self.user_id, self.mailboxes, self._services[Blobs], self._services[Texts], search
        )

    def all_rebuilt(
        self, search: Search, known: dict[str, int]
    ) -> AsyncGenerator[tuple[str, int, int]]:
        return index_all(
            self._services[Directory],
            self.mailboxes,
            self._services[Blobs],
            self._services[Texts],
            search,
            known=known,
        )

    async def found(self, search: Search) -> set[str]:
        return set((await search.search(self.user_id, SearchQuery())).email_ids)
