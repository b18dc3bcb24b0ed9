"""What may be told before the log has it: told once, again after a crash, and never lost."""

import asyncio
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from connectors.memory.clock import ManualClock
from connectors.sqlite.database import Database
from connectors.sqlite.mailboxes import MIGRATIONS, SqliteMailboxes
from tests.engines.stages import Written, mail, opened, refuse, running, until
from tests.mailbox.commands import deliver, email_id
from topologies.errors import Retryable
from topologies.events import MailUndeliverable, SetFlags
from topologies.mail import ids
from topologies.mailbox.notify import notify
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.notices import Notice, Notices
from topologies.stage import stage


async def test_what_only_tells_is_handed_an_event_before_the_log_has_it(tmp_path: Path) -> None:
    gate, told = asyncio.Event(), Told()
    async with running(
        tmp_path, refuse, tell, services={Told: told}, before_position=gate.wait
    ) as house:
        await house.log.append([mail("a")])
        await until(lambda: told.keys == [mail("a").mail_id])
        assert await house.records("mail.exceptions") == []
        gate.set()
        await house.drained()
        assert len(await house.records("mail.exceptions")) == 1
    assert told.keys == [mail("a").mail_id]
    assert house.seen.told.count(("tell", "done", mail("a").mail_id)) == 1


async def test_others_are_handed_it_when_the_log_has_it(tmp_path: Path) -> None:
    gate, told = asyncio.Event(), Told()
    async with running(
        tmp_path, refuse, tell, note, services={Told: told}, before_position=gate.wait
    ) as house:
        await house.log.append([mail("a")])
        await until(lambda: bool(told.keys))
        assert told.noted == []
        gate.set()
        await house.drained()
        assert told.noted == [mail("a").mail_id]


async def test_what_could_not_be_told_early_is_told_when_the_log_has_it(tmp_path: Path) -> None:
    told = Told(failures=1)
    async with running(tmp_path, refuse, tell, services={Told: told}) as house:
        await house.log.append([mail("a")])
        await house.drained()
    assert told.keys == [mail("a").mail_id]
    assert told.failures == 0


async def test_what_was_told_before_a_crash_is_told_again_and_written_once(tmp_path: Path) -> None:
    told = Told()
    async with opened(
        tmp_path, refuse, tell, services={Told: told}, before_position=asyncio.Event().wait
    ) as house:
        dying = asyncio.create_task(house.engine.run())
        await house.log.append([mail("a")])
        await until(lambda: bool(told.keys))
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    async with running(tmp_path, refuse, tell, services={Told: told}) as house:
        await house.drained()
        assert len(await house.records("mail.exceptions")) == 1
    assert told.keys == [mail("a").mail_id] * 2


async def test_what_a_power_cut_takes_from_the_mailboxes_is_done_again_as_it_was_told(
    tmp_path: Path,
) -> None:
    kept, path = tmp_path / "kept", tmp_path / "mailboxes.db"
    commands = [deliver(1), deliver(2), flagged(1), flagged(2), deliver(3)]
    first = Heard()
    with closing(Database(path, MIGRATIONS, is_late=True)) as database:
        shutil.copytree(tmp_path, kept)  # what the disk has: nothing of what follows was synced
        services = {Mailboxes: SqliteMailboxes(database, ManualClock()), Notices: first}
        async with opened(
            tmp_path, store, notify, services=services, before_position=asyncio.Event().wait
        ) as house:
            dying = asyncio.create_task(house.engine.run())
            await house.log.append(commands)
            await until(lambda: len(first.notices) == 7)  # a change each, and two answers
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
    for left in kept.glob("mailboxes.db*"):
        shutil.copy(left, tmp_path)
    second = Heard()
    with closing(Database(path, MIGRATIONS, is_late=True)) as database:
        mailboxes = SqliteMailboxes(database, ManualClock())
        assert (await mailboxes.mailbox("ann")).seq == 0
        services = {Mailboxes: mailboxes, Notices: second}
        async with running(
            tmp_path, store, notify, services=services, before_position=database.sync
        ) as house:
            await house.drained()
            written = await house.records("mailbox.changes")
        page = await mailboxes.page("ann", "inbox")
    assert second.notices == first.notices
    assert [value for _, value, _ in written] == [msgspec.json.encode(n) for n in first.notices]
    assert page is not None
    assert [line.is_read for line in page.emails] == [False, True, True]


class Told:
    """What was told, and what was noted."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.keys: list[str] = []
        self.noted: list[str] = []


@stage(reads=MailUndeliverable, writes=[], is_early=True)
async def tell(event: MailUndeliverable, *, told: Told) -> Written:
    if told.failures:
        told.failures -= 1
        raise Retryable("nobody hears")
    told.keys.append(event.mail_id)
    return []


@stage(reads=MailUndeliverable, writes=[])
async def note(event: MailUndeliverable, *, told: Told) -> Written:
    told.noted.append(event.mail_id)
    return []


@dataclass
class Heard:
    """Notices, as they are published."""

    notices: list[Notice] = field(default_factory=list[Notice])

    async def publish(self, notice: Notice) -> None:
        self.notices.append(notice)


def flagged(number: int) -> SetFlags:
    return SetFlags(
        user_id="ann",
        command_id=ids.command_id("read", str(number)),
        issued_at=deliver(number).issued_at,
        email_ids=(email_id(number),),
        is_read=True,
        answer=True,
    )
