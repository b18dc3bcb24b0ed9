"""Mailboxes made anew from the log, while commands go on and the stage `store` works."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from connectors.generations import MailboxGenerations
from connectors.memory.clock import SystemClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.sqlite.database import Database
from connectors.sqlite.log_reader import SqliteLogReader
from connectors.sqlite.mailboxes import MIGRATIONS, SqliteMailboxes
from tests.engines.stages import House, opened, running
from tests.mailbox.commands import (
    create,
    create_label,
    delete,
    deliver,
    email_id,
    folder_id,
    label,
    label_id,
    move,
    put_into,
    restore,
    set_flags,
)
from tests.mailbox.state import everything
from topologies.events import INBOX, TRASH
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Mailboxes
from topologies.rebuild_mailboxes import RebuiltMailboxes, rebuild_mailboxes

TIMEOUT_S = 30.0


async def test_a_damaged_mailbox_is_as_the_log_has_it_and_nobody_elses_is_touched(
    tmp_path: Path,
) -> None:
    async with a_house(tmp_path) as at:
        for number in range(20):
            await at.house.log.append([deliver(number), deliver(number, "bo")])
        await at.house.log.append([move(3, to=TRASH, command_id="move")])
        await at.house.drained()
        whole = await everything(at.mailboxes, "ann")
        await at.database.write(spoil)
        spoilt = await at.mailboxes.page("ann", INBOX)
        assert spoilt is not None
        assert len(spoilt.emails) == 20 - 1 - 7
        rebuilt = await at.rebuilt("ann")
        assert rebuilt.rebuilt == ["ann"]
        after = await everything(at.mailboxes, "ann")
        assert (after.pages, after.emails) == (whole.pages, whole.emails)
        assert after.changes[-1].kind == "mailbox.rebuilt"
        assert [await at.mailboxes.generation(user) for user in ("ann", "bo")] == [1, 0]
        assert rows_of(at.database, "ann") == 0  # the old one is emptied


async def test_labels_nested_folders_and_what_was_deleted_are_made_anew_as_well(
    tmp_path: Path,
) -> None:
    work, ideas, old = (folder_id(name) for name in ("Work", "Ideas", "Old"))
    async with a_house(tmp_path) as at:
        await at.house.log.append([create_label("Red"), create_label("Blue", colour="#00ff00")])
        await at.house.log.append(
            [create("Work"), create("Ideas", parent_id=work), create("Old"), put_into(old, ideas)]
        )
        await at.house.log.append([deliver(number) for number in range(5)])
        await at.house.log.append([deliver(5, folder_id=old)])
        await at.house.log.append(
            [
                label(0, 1, 2, on=["Red", "Blue"]),
                delete(1),
                delete(2, 3, permanent=True, is_restorable=True),
                delete(4, permanent=True),
                label(0, off=["Blue"]),
            ]
        )
        await at.house.drained()
        whole = await everything(at.mailboxes, "ann")
        assert [each.total_count for each in whole.labels] == [1, 2]
        assert (await at.rebuilt("ann")).rebuilt == ["ann"]
        after = await everything(at.mailboxes, "ann")
        assert (after.pages, after.emails) == (whole.pages, whole.emails)
        assert after.folders == whole.folders
        assert [folder.parent_id for folder in after.folders[-3:]] == ["", work, ideas]
        assert (after.labels, after.labelled) == (whole.labels, whole.labelled)
        assert after.deleted == whole.deleted
        assert len(after.deleted[None]) == 2
        assert rows_of(at.database, "ann") == 0
        await at.house.log.append([restore(2)])
        await at.house.drained()
        [mail] = await at.mailboxes.summaries("ann", [email_id(2)])
        assert mail.labels == tuple(sorted([label_id("Red"), label_id("Blue")]))


async def test_what_is_commanded_meanwhile_is_in_it_once(tmp_path: Path) -> None:
    async with a_house(tmp_path) as at:
        for number in range(10):
            await at.house.log.append([deliver(number)])
        stop = asyncio.Event()

        async def go_on() -> int:
            number = 100
            while not stop.is_set() and number < 200:
                flags = set_flags(number - 1, is_read=True, command_id=f"read {number}")
                await at.house.log.append([deliver(number), deliver(number, "bo"), flags])
                number += 1
            return number

        flowing = asyncio.create_task(go_on())
        rebuilt = [await at.rebuilt(None) for _ in range(2)]
        stop.set()
        count = await flowing - 100 + 10
        await at.house.drained()
        assert all(set(each.rebuilt) >= {"ann"} for each in rebuilt)
        assert await at.mailboxes.generation("ann") == 2
        page = await at.mailboxes.page("ann", INBOX)
        assert page is not None
        assert page.total_count == count
        # As a replay of all that the log holds gives it.
        plain = MemoryMailboxes(SystemClock())
        await at.replay_into(plain)
        for user_id in ("ann", "bo"):
            found = await everything(at.mailboxes, user_id)
            wanted = await everything(plain, user_id)
            assert found.pages == wanted.pages
            assert found.mailbox == wanted.mailbox


async def test_a_mailbox_older_than_the_log_stays_as_it_is(tmp_path: Path) -> None:
    async with a_house(tmp_path) as at:
        await store(deliver(0), mailboxes=at.mailboxes)  # of which the log knows nothing any more
        await at.house.log.append([deliver(1), deliver(1, "bo")])
        await at.house.drained()
        rebuilt = await at.rebuilt(None)
        assert (rebuilt.rebuilt, rebuilt.beyond_the_log) == (["bo"], ["ann"])
        assert await at.mailboxes.generation("ann") == 0


async def test_without_a_stage_that_takes_it_nothing_is_replaced_and_it_can_be_done_again(
    tmp_path: Path,
) -> None:
    async with a_house(tmp_path, is_running=False) as at:
        await at.house.log.append([deliver(0)])
        assert (await at.rebuilt("ann", timeout_s=0.1)).not_switched == ["ann"]
    async with a_house(tmp_path) as at:
        await at.house.drained()
        assert await at.mailboxes.generation("ann") == 1  # the stage took it later
        assert (await at.rebuilt("ann")).rebuilt == ["ann"]
        page = await at.mailboxes.page("ann", INBOX)
        assert page is not None
        assert page.total_count == 1


@dataclass
class At:
    house: House
    mailboxes: MailboxGenerations
    database: Database

    async def rebuilt(self, user_id: str | None, timeout_s: float = TIMEOUT_S) -> RebuiltMailboxes:
        rebuilt = RebuiltMailboxes()
        async for _ in rebuild_mailboxes(
            SqliteLogReader(self.house.log),
            self.house.log,
            self.mailboxes,
            SystemClock(),
            users=None if user_id is None else [user_id],
            rebuilt=rebuilt,
            timeout_s=timeout_s,
        ):
            pass
        return rebuilt

    async def replay_into(self, mailboxes: Mailboxes) -> None:
        from topologies.audit import Account, compare_with_replay

        reader = SqliteLogReader(self.house.log)
        async for _ in compare_with_replay(reader, self.mailboxes, mailboxes, Account()):
            pass


@asynccontextmanager
async def a_house(folder: Path, *, is_running: bool = True) -> AsyncGenerator[At]:
    with closing(Database(folder / "mailboxes.db", MIGRATIONS)) as database:
        mailboxes = MailboxGenerations(SqliteMailboxes(database, SystemClock()), SystemClock())
        start = running if is_running else opened
        async with start(folder, store, services={Mailboxes: mailboxes}) as house:
            yield At(house, mailboxes, database)


def spoil(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM lines WHERE email_id IN (SELECT email_id FROM lines WHERE folder_no ="
        " (SELECT folder_no FROM folders JOIN users USING (user_no)"
        " WHERE user_id = 'ann' AND folder_id = 'inbox') LIMIT 7)"
    )


def rows_of(database: Database, user_id: str) -> int:
    [count] = database.read_now(
        lambda c: c.execute(
            "SELECT count(*) FROM lines JOIN folders USING (folder_no) JOIN users USING (user_no)"
            " WHERE user_id = ?",
            (user_id,),
        ).fetchone()
    )
    return count
