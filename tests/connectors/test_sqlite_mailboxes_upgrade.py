"""A file of mailboxes that an earlier version wrote is read as it was, and goes on from there."""

import sqlite3
from contextlib import closing
from pathlib import Path

from connectors.memory.clock import ManualClock
from connectors.sqlite.database import Database
from connectors.sqlite.mailboxes import MIGRATIONS, SqliteMailboxes
from tests.mailbox.commands import (
    carry_out,
    create,
    create_label,
    delete,
    deliver,
    email_id,
    folder_id,
    label,
    label_id,
    put_into,
    restore,
)
from tests.mailbox.state import all_labelled, everything
from topologies.events import INBOX

ADDED = ("labelled", "labels")  # tables, …
COLUMNS = (("lines", "marks"), ("folders", "parent_id"))  # … and columns since the first version


async def test_a_file_of_the_first_version_is_taken_over_with_all_that_is_in_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mailboxes.db"
    with closing(Database(path, MIGRATIONS)) as database:
        mailboxes = SqliteMailboxes(database, ManualClock())
        await carry_out(mailboxes, create("Work"), create("Old"), deliver(1), deliver(2))
        before = await everything(mailboxes, "ann")
    with closing(sqlite3.connect(path)) as connection:
        for table in ADDED:
            connection.execute(f"DROP TABLE {table}")
        for table, column in COLUMNS:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    with closing(Database(path, MIGRATIONS)) as database:
        mailboxes = SqliteMailboxes(database, ManualClock())
        assert await everything(mailboxes, "ann") == before
        await carry_out(
            mailboxes,
            put_into(folder_id("Old"), folder_id("Work")),
            create_label("Red"),
            label(1, 2, on=["Red"]),
            delete(1),
            restore(1),
        )
        found = await all_labelled(mailboxes, "ann", label_id("Red"), 1, None)
        assert [(mail.email_id, mail.folder_id) for mail in found] == [
            (email_id(2), INBOX),
            (email_id(1), INBOX),
        ]
