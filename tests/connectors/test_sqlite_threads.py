"""Threads in SQLite: what a look at one costs does not grow with the mailbox."""

import sqlite3

from connectors.sqlite import mailboxes_load, mailboxes_read
from connectors.sqlite.mailboxes_schema import MIGRATIONS
from tests.mailbox.commands import AT
from topologies.mail.ids import derived_id
from topologies.ports.mailboxes import Needs

MAILS = 3_000
STEPS = 1_000  # of SQLite's machine, far fewer than one for each mail


def test_reading_a_thread_reads_no_other_mail() -> None:
    connection = filled()
    steps = counted(connection)

    assert mailboxes_read.thread(connection, "ann", derived_id(AT, "thread")) == []
    assert sum(steps) < STEPS


def test_what_a_reply_needs_to_know_is_found_without_reading_the_mailbox() -> None:
    connection = filled()
    steps = counted(connection)

    loaded = mailboxes_load.load(connection, "ann", Needs(command_id="c", message_ids=("root",)))

    assert list(loaded.thread_sizes.values()) == [0]
    assert sum(steps) < STEPS


def filled() -> sqlite3.Connection:
    """A mailbox of many mails, none of them of the thread that is looked at."""
    connection = sqlite3.connect(":memory:")
    for migration in MIGRATIONS:
        connection.executescript(migration)
    connection.execute("INSERT INTO users VALUES (1, 'ann', 0, 0)")
    connection.executemany(
        "INSERT INTO emails VALUES (1, ?, 1, ?, ?)",
        [(number.to_bytes(16), number, number.to_bytes(16)) for number in range(MAILS)],
    )
    thread_key = mailboxes_read.key_of(derived_id(AT, "thread"))
    digest = mailboxes_load.digest_of("root")
    connection.execute("INSERT INTO message_ids VALUES (1, ?, ?)", (digest, thread_key))
    return connection


def counted(connection: sqlite3.Connection) -> list[int]:
    """Note each step of SQLite's machine from now on."""
    steps: list[int] = []

    def step() -> int:
        steps.append(1)
        return 0

    connection.set_progress_handler(step, 1)
    return steps
