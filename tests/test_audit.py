"""The audit: what is accounted for, what is named, and what is not its business yet."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.cli.stores_in_memory import KeptDeadLetters
from tests.mailbox.commands import delete, deliver, set_flags
from tests.services import AT, DOMAIN, in_memory
from topologies.audit import Account, Difference, account_for_mails, compare_with_replay
from topologies.events import (
    QUARANTINE_USER,
    Command,
    Deliver,
    Event,
    MailDisposed,
    MailReceived,
    MailUndeliverable,
    Release,
)
from topologies.mail import ids
from topologies.mailbox.store import store
from topologies.ports.clock import Clock
from topologies.ports.dead_letters import DeadLetter
from topologies.ports.directory import Directory, User
from topologies.ports.log import Record
from topologies.ports.mailboxes import Mailboxes
from topologies.quarantine import released_id
from topologies.topics import topic_of

MINUTE = timedelta(minutes=1)


async def test_a_mail_that_all_have_is_delivered() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}", f"all@{DOMAIN}")
    await house.deliver(mail, "ann", "bo")
    account = await house.audited()
    assert (account.mails, account.delivered, account.differences) == (1, 1, [])


async def test_a_mail_that_came_again_is_one_mail() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}")
    await house.deliver(mail, "ann")
    house.log.write(mail)
    await house.deliver(mail, "ann")
    account = await house.audited()
    assert (account.mails, account.delivered, account.differences) == (1, 1, [])


async def test_a_copy_that_is_missing_is_named_with_whom_it_was_for() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}", f"bo@{DOMAIN}")
    await house.deliver(mail, "ann")
    account = await house.audited()
    assert account.delivered == 0
    assert account.differences == [
        Difference(
            kind="missing",
            about=mail.mail_id,
            detail=f"no copy for bo@{DOMAIN}, and nothing tells why",
        )
    ]


async def test_whose_own_rules_want_no_copy_is_not_missed_and_others_are() -> None:
    house = await a_house()
    mail = await house.accept(f"all@{DOMAIN}")
    ann = await house.user("ann")
    told = MailDisposed(
        mail_id=mail.mail_id, recipient=f"all@{DOMAIN}", user_id=ann.user_id, how="discarded"
    )
    house.log.write(told)
    assert [d.kind for d in (await house.audited()).differences] == ["missing"]
    await house.deliver(mail, "bo")
    assert (await house.audited()).differences == []


async def test_one_of_many_whom_an_alias_leads_to_is_missed() -> None:
    house = await a_house()
    mail = await house.accept(f"all@{DOMAIN}")
    await house.deliver(mail, "bo")
    [difference] = (await house.audited()).differences
    assert f"all@{DOMAIN}" in difference.detail


async def test_a_copy_that_its_owner_deleted_was_delivered() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}")
    copy = await house.deliver(mail, "ann")
    gone = delete(0, user_id=copy.user_id, email_ids=(copy.email_id,), permanent=True)
    await house.command(gone)
    account = await house.audited()
    assert (account.delivered, account.differences) == (1, [])


async def test_what_is_in_quarantine_is_accounted_for() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}")
    await house.command(copy_of(mail, QUARANTINE_USER))
    account = await house.audited()
    assert (account.quarantined, account.differences) == (1, [])


async def test_a_mail_that_was_let_out_of_the_quarantine_is_looked_for_like_any_other() -> None:
    house = await a_house()
    held = await house.accept(f"ann@{DOMAIN}")
    await house.command(copy_of(held, QUARANTINE_USER))
    out = msgspec.structs.replace(
        held,
        mail_id=released_id(held.mail_id),
        released=Release(by="root", mail_id=held.mail_id),
    )
    house.log.write(out)
    account = await house.audited()
    assert (account.quarantined, account.released) == (1, 1)
    assert [difference.about for difference in account.differences] == [out.mail_id]
    await house.deliver(out, "ann")
    account = await house.audited()
    assert (account.quarantined, account.delivered, account.differences) == (1, 1, [])


async def test_what_is_told_to_be_undeliverable_is_accounted_for_and_only_that() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}", f"bo@{DOMAIN}")
    house.log.write(undeliverable(mail, f"bo@{DOMAIN}"))
    [difference] = (await house.audited()).differences
    assert f"for ann@{DOMAIN}," in difference.detail
    house.log.write(undeliverable(mail, f"ann@{DOMAIN}"))
    account = await house.audited()
    assert (account.undeliverable, account.differences) == (1, [])


async def test_a_dead_letter_accounts_for_its_mail_whoever_settled_it() -> None:
    house = await a_house()
    mails = [await house.accept(f"ann@{DOMAIN}") for _ in range(2)]
    for number, mail in enumerate(mails):
        house.dead_letters.kept.append(letter_of(mail, number))
    await house.dead_letters.drop("letter-1")
    account = await house.audited()
    assert (account.dead, account.differences) == (2, [])


async def test_a_record_that_can_not_be_read_is_named_unless_it_is_a_dead_letter() -> None:
    house = await a_house()
    house.log.add(topic_of(MailReceived).name, "key", b"no event")
    [difference] = (await house.audited()).differences
    assert (difference.kind, difference.about) == ("unreadable", "key")
    house.dead_letters.kept.append(letter_of(None, 0, key="key"))
    assert (await house.audited()).dead == 1


async def test_a_user_who_came_later_or_is_gone_is_no_difference() -> None:
    house = await a_house()
    await house.directory.add_alias(f"team@{DOMAIN}", [f"ann@{DOMAIN}"])
    mail = await house.accept(f"team@{DOMAIN}", f"bo@{DOMAIN}")
    await house.deliver(mail, "ann", "bo")
    house.clock.move(MINUTE)
    await house.directory.add_user(f"eve@{DOMAIN}", "a password")
    await house.directory.add_alias(f"team@{DOMAIN}", [f"ann@{DOMAIN}", f"eve@{DOMAIN}"])
    other = await house.accept(f"bo@{DOMAIN}")
    await house.directory.delete_user((await house.user("bo")).user_id)
    account = await house.audited()
    assert account.differences == []
    assert (account.mails, other.mail_id != mail.mail_id) == (2, True)


async def test_what_is_under_way_within_the_grace_time_is_no_difference() -> None:
    house = await a_house()
    await house.accept(f"ann@{DOMAIN}")
    house.clock.move(MINUTE - timedelta(seconds=1))
    account = await house.audited(grace=MINUTE)
    assert (account.under_way, account.differences) == (1, [])
    house.clock.move(timedelta(seconds=2))
    account = await house.audited(grace=MINUTE)
    assert (account.under_way, len(account.differences)) == (0, 1)


async def test_what_was_accepted_before_is_left_out() -> None:
    house = await a_house()
    await house.accept(f"ann@{DOMAIN}")
    house.clock.move(MINUTE)
    mail = await house.accept(f"ann@{DOMAIN}")
    account = await house.audited(since=house.clock.now())
    assert [difference.about for difference in account.differences] == [mail.mail_id]


async def test_what_is_missing_is_handed_in_again_when_that_is_asked_for() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}")
    account = await house.audited(is_mended=True)
    assert (account.handed_in_again, len(house.log.records)) == (1, 2)
    assert msgspec.json.decode(house.log.records[1].value, type=MailReceived) == mail


async def test_many_mails_are_counted_on_the_way() -> None:
    house = await a_house()
    for _ in range(150):
        await house.deliver(await house.accept(f"ann@{DOMAIN}"), "ann")
    assert [each async for each in house.auditing(Account())] == [64, 128, 150]


# --- mailboxes as their log says ------------------------------------------------------


async def test_a_mailbox_is_as_its_commands_made_it() -> None:
    house = await a_house()
    copy = await house.deliver(await house.accept(f"ann@{DOMAIN}"), "ann")
    await house.command(flags(copy, is_read=True))
    house.log.add(topic_of(Deliver).name, "ann", b"no event")  # it is among the dead letters
    account = await house.compared()
    assert (account.mailboxes, account.differences) == (1, [])


async def test_a_mailbox_that_was_changed_behind_the_log_s_back_is_named() -> None:
    house = await a_house()
    copy = await house.deliver(await house.accept(f"ann@{DOMAIN}"), "ann")
    house.log.write(flags(copy, is_read=True))  # on the log, and lost on the way
    differences = (await house.compared()).differences
    assert {(each.kind, each.about) for each in differences} == {("mailbox", copy.user_id)}
    told = [each.detail for each in differences]
    [mail] = [each for each in told if each.startswith(f"mail {copy.email_id} in inbox: ")]
    assert "is_read" in mail
    assert any(each.startswith("folder inbox") for each in told)  # its count of unread


async def test_a_mail_that_is_in_the_log_and_in_no_mailbox_is_named() -> None:
    house = await a_house()
    mail = await house.accept(f"ann@{DOMAIN}")
    user = await house.user("ann")
    house.log.write(copy_of(mail, user.user_id))
    told = [each.detail for each in (await house.compared()).differences]
    email_id = ids.email_id(mail.mail_id, user.user_id)
    assert f"mail {email_id} in inbox: not there, and by the log it is" in told


async def test_a_mailbox_that_is_older_than_the_log_can_not_be_compared() -> None:
    house = await a_house()
    for _ in range(2):
        await house.deliver(await house.accept(f"ann@{DOMAIN}"), "ann")
    house.log.records = house.log.records[3:]  # what is left by retention
    account = await house.compared()
    assert (account.mailboxes, account.beyond_the_log, account.differences) == (1, 1, [])


# --- builders -----------------------------------------------------------------------


@dataclass
class KeptLog:
    """A log in a list, stamped by a clock."""

    clock: ManualClock
    records: list[Record] = field(default_factory=list[Record])

    def add(self, topic: str, key: str, value: bytes) -> None:
        self.records.append(
            Record(
                topic=topic,
                partition=0,
                offset=len(self.records),
                key=key,
                value=value,
                event_id=str(len(self.records)),
                appended_at=self.clock.now(),
            )
        )

    def write(self, event: Event) -> None:
        self.add(topic_of(type(event)).name, event.key, msgspec.json.encode(event))

    async def append(self, events: Sequence[Event]) -> None:
        for event in events:
            self.write(event)

    async def read(
        self,
        topic: str,
        *,
        since: datetime | None = None,
        offsets: Mapping[int, int] | None = None,
    ) -> AsyncGenerator[Record]:
        for record in list(self.records):
            if record.topic == topic and (since is None or record.appended_at >= since):
                yield record


@dataclass
class House:
    """A deployment whose stages are the test."""

    clock: ManualClock
    log: KeptLog
    directory: Directory
    mailboxes: Mailboxes
    dead_letters: KeptDeadLetters

    async def accept(self, *recipients: str) -> MailReceived:
        """Put a mail on the log, and do nothing about it."""
        mail = MailReceived(
            mail_id=ids.new_id(self.clock.now()),
            received_at=self.clock.now(),
            origin="smtp",
            mail_from="zoe@far.example",
            recipients=recipients,
            size_bytes=1,
            raw=b"x",
        )
        self.log.write(mail)
        return mail

    async def deliver(self, mail: MailReceived, *names: str) -> Deliver:
        """Store a copy for each; return the last."""
        for name in names:
            copy = copy_of(mail, (await self.user(name)).user_id)
            await self.command(copy)
        return copy

    async def command(self, command: Command) -> None:
        """Put a command on the log and carry it out."""
        self.log.write(command)
        await store(command, mailboxes=self.mailboxes)

    async def user(self, name: str) -> User:
        found = await self.directory.user_by_address(f"{name}@{DOMAIN}")
        assert found is not None
        return found

    def auditing(
        self,
        account: Account,
        *,
        since: datetime | None = None,
        grace: timedelta = timedelta(0),
        is_mended: bool = False,
    ) -> AsyncGenerator[int]:
        return account_for_mails(
            self.log,
            self.dead_letters,
            self.directory,
            self.mailboxes,
            since=since,
            now=self.clock.now(),
            grace=grace,
            account=account,
            mend=self.log if is_mended else None,
        )

    async def audited(self, **options: Any) -> Account:
        account = Account()
        async for _ in self.auditing(account, **options):
            pass
        return account

    async def compared(self) -> Account:
        account = Account()
        scratch = MemoryMailboxes(self.clock)
        async for _ in compare_with_replay(self.log, self.mailboxes, scratch, account):
            pass
        return account


async def a_house() -> House:
    services = await in_memory()
    directory: Directory = services[Directory]
    clock: ManualClock = services[Clock]
    return House(clock, KeptLog(clock), directory, services[Mailboxes], KeptDeadLetters())


def copy_of(mail: MailReceived, user_id: str) -> Deliver:
    return deliver(
        0,
        user_id,
        command_id=ids.command_id("deliver", mail.mail_id, user_id),
        email_id=ids.email_id(mail.mail_id, user_id),
        mail_id=mail.mail_id,
        received_at=mail.received_at,
    )


def flags(copy: Deliver, **changes: bool) -> Command:
    return set_flags(0, user_id=copy.user_id, email_ids=(copy.email_id,), **changes)


def undeliverable(mail: MailReceived, recipient: str) -> MailUndeliverable:
    return MailUndeliverable(mail_id=mail.mail_id, recipient=recipient, reason="no such user")


def letter_of(mail: MailReceived | None, number: int, key: str = "k") -> DeadLetter:
    return DeadLetter(
        letter_id=f"letter-{number}",
        path="inbound",
        stage="parse",
        kind="bug",
        reason="KeyError",
        traceback="",
        attempts=1,
        key=key,
        value=msgspec.json.encode(mail) if mail is not None else b"no event",
        event_id=f"event-{number}",
        origin="mail.received/0/1",
        buried_at=AT,
    )
