"""Which mails a rule lets go, and what is commanded then."""

from datetime import datetime, timedelta
from typing import Any

from tests.services import AT, DOMAIN, in_memory
from topologies.events import Command, DeleteEmails, Deliver, Message, MoveEmails, RawRef, SetFlags
from topologies.mail import ids
from topologies.mailbox.store import store
from topologies.ports.directory import Directory
from topologies.ports.mailboxes import Mailboxes
from topologies.retaining import Rule, What, command_for, falling_under


async def test_only_mail_that_came_before_and_lies_in_the_folder_falls_under_a_rule() -> None:
    house = await House.made()
    old = await house.deliver("old", at=AT - timedelta(days=31))
    await house.deliver("new", at=AT - timedelta(days=29))
    await house.deliver("elsewhere", at=AT - timedelta(days=31), folder_id="sent")
    assert await house.falling(rule("delete")) == [old]


async def test_what_is_starred_stays_unless_the_rule_says_otherwise() -> None:
    house = await House.made()
    email_id = await house.deliver("old", at=AT - timedelta(days=31))
    await house.apply(SetFlags(email_ids=(email_id,), is_starred=True, **house.about("star")))
    assert await house.falling(rule("delete")) == []
    assert await house.falling(rule("delete", keeps_starred=False)) == [email_id]


async def test_a_rule_for_the_trash_moves_there_and_leaves_what_lies_there() -> None:
    house = await House.made()
    email_id = await house.deliver("old", at=AT - timedelta(days=31))
    [command] = await house.commands(rule("trash", "inbox", "trash"))
    assert isinstance(command, MoveEmails)
    await house.apply(command)
    assert await house.falling(rule("trash", "inbox", "trash")) == []
    assert await house.falling(rule("delete", "trash")) == [email_id]


async def test_what_its_owner_puts_into_the_trash_meanwhile_is_not_gone_for_good() -> None:
    house = await House.made()
    email_id = await house.deliver("old", at=AT - timedelta(days=31))
    [late] = await house.commands(rule("trash"))
    await house.apply(DeleteEmails(email_ids=(email_id,), **house.about("by hand")), late)
    assert await house.falling(rule("delete", "trash")) == [email_id]


async def test_a_rule_that_is_applied_again_before_the_first_is_done_says_the_same() -> None:
    house = await House.made()
    for number in range(3):
        await house.deliver(f"old {number}", at=AT - timedelta(days=31))
    first, again = await house.commands(rule("delete")), await house.commands(rule("delete"))
    assert first == again
    await house.apply(*first, *again)
    assert await house.falling(rule("delete")) == []


async def test_many_mails_go_by_several_commands() -> None:
    house = await House.made()
    for number in range(201):
        await house.deliver(f"old {number}", at=AT - timedelta(days=31))
    commands = await house.commands(rule("delete"))
    assert len(commands) == 3
    await house.apply(*commands)
    assert await house.falling(rule("delete")) == []


def rule(what: What, *folders: str, keeps_starred: bool = True) -> Rule:
    return Rule(
        folders=folders or ("inbox",),
        before=AT - timedelta(days=30),
        what=what,
        keeps_starred=keeps_starred,
    )


class House:
    def __init__(self, services: dict[type, Any], user_id: str) -> None:
        self.user_id = user_id
        self._mailboxes: Mailboxes = services[Mailboxes]

    @classmethod
    async def made(cls) -> "House":
        services = await in_memory()
        user = await services[Directory].user_by_address(f"ann@{DOMAIN}")
        return cls(services, user.user_id)

    def about(self, name: str) -> dict[str, Any]:
        """Return what every command says."""
        command_id = ids.command_id(name, self.user_id)
        return {"user_id": self.user_id, "command_id": command_id, "issued_at": AT}

    async def deliver(self, subject: str, *, at: datetime, folder_id: str = "inbox") -> str:
        mail_id = ids.derived_id(at, subject)
        email_id = ids.email_id(mail_id, self.user_id)
        await self.apply(
            Deliver(
                email_id=email_id,
                mail_id=mail_id,
                folder_id=folder_id,
                message=Message(subject=subject),
                raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=1),
                received_at=at,
                **self.about(subject),
            )
        )
        return email_id

    async def apply(self, *commands: Command) -> None:
        for command in commands:
            await store(command, mailboxes=self._mailboxes)

    async def falling(self, rule: Rule) -> list[str]:
        found = falling_under(rule, self.user_id, self._mailboxes)
        return [line.email_id async for lines in found for line in lines]

    async def commands(self, rule: Rule) -> list[Command]:
        found = falling_under(rule, self.user_id, self._mailboxes)
        return [command_for(rule, self.user_id, lines, AT) async for lines in found]
