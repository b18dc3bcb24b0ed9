"""learn_contacts: whom a sent mail went to is learnt, once, and nobody else."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.contacts import MemoryContacts
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import AT, deliver, email_id
from topologies.events import INBOX, SENT, Address, DeleteEmails, Deliver, SentMailKept
from topologies.mailbox.learn_contacts import learn_contacts
from topologies.mailbox.store import store


async def test_all_recipients_are_learnt_with_their_names() -> None:
    house = House()
    message = {
        "to": (Address(address="Bo@Far.example", name="Bo"), Address(address="bo@far.example")),
        "cc": (Address(address="cy@far.example", name="cy@far.example"),),
        "bcc": (Address(address="di@far.example"), Address(address="no address")),
    }
    assert len(await house.keeps(1, message=message)) == 1
    assert await house.known() == {
        ("Bo@Far.example", "Bo", 1),
        ("cy@far.example", "", 1),
        ("di@far.example", "", 1),
    }


async def test_a_mail_is_learnt_from_once_however_often_it_is_told() -> None:
    house = House()
    [told] = await house.keeps(1, message={"to": (Address(address="bo@far.example"),)})
    for _ in range(3):
        await house.learns(told)
    assert await house.known() == {("bo@far.example", "", 1)}
    await house.contacts.remove("ann", "bo@far.example")
    await house.learns(told)
    assert await house.known() == set()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"folder_id": INBOX}, id="received"),
        pytest.param({"recipient": "ann@shop.example"}, id="filed there by a rule"),
    ],
)
async def test_a_mail_of_somebody_else_teaches_nothing(given: dict[str, Any]) -> None:
    house = House()
    await house.keeps(1, **given)
    assert await house.known() == set()


async def test_a_mail_that_is_gone_teaches_nothing() -> None:
    house = House()
    told = await house.stores(deliver(1, folder_id=SENT))
    await store(
        DeleteEmails(
            user_id="ann",
            command_id="gone",
            issued_at=AT,
            email_ids=(email_id(1),),
            permanent=True,
        ),
        mailboxes=house.mailboxes,
    )
    for each in told:
        await house.learns(each)
    assert await house.known() == set()


async def test_a_replayed_command_tells_the_same_again() -> None:
    house = House()
    first = await house.stores(deliver(1, folder_id=SENT))
    assert len(first) == 1
    assert await house.stores(deliver(1, folder_id=SENT)) == first


# --- builders -----------------------------------------------------------------------


@dataclass
class House:
    mailboxes: MemoryMailboxes = field(default_factory=lambda: MemoryMailboxes(ManualClock()))
    contacts: MemoryContacts = field(default_factory=MemoryContacts)

    async def stores(self, command: Deliver) -> list[SentMailKept]:
        told = await store(command, mailboxes=self.mailboxes)
        return [each for each in told if isinstance(each, SentMailKept)]

    async def keeps(self, number: int, **given: Any) -> list[SentMailKept]:
        """Put a mail into ann's mailbox and learn from it."""
        told = await self.stores(deliver(number, **({"folder_id": SENT} | given)))
        for each in told:
            await self.learns(each)
        return told

    async def learns(self, told: SentMailKept) -> None:
        written = await learn_contacts(told, mailboxes=self.mailboxes, contacts=self.contacts)
        assert written == []

    async def known(self) -> set[tuple[str, str, int]]:
        found = await self.contacts.find("ann")
        return {(each.address, each.name, each.uses) for each in found}
